// The one place that calls `fetch`. Errors are thrown as ProblemError; a 401 is told to whoever listens.
import { ProblemError, problemOf } from "./problem";
import { tellSignedOut } from "./signedOut";

type Query = Record<string, string | number | null | undefined>;

interface Options {
  query?: Query;
  body?: unknown;
  /** Makes a POST safe to repeat. */
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
  /** A 401 is an answer here, not the end of the session. */
  quiet401?: boolean;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

function urlOf(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === null || value === undefined || value === "" ? [] : [[key, String(value)] as [string, string]],
  );
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`;
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function call<T>(method: string, path: string, options: Options): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
  const response = await fetch(urlOf(path, options.query), {
    method,
    headers,
    credentials: "same-origin",
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const body = await bodyOf(response);
  if (response.ok) return body as T;
  if (response.status === 401 && !options.quiet401) tellSignedOut();
  throw new ProblemError(problemOf(response.status, body, response.headers.get("x-trace-id") ?? ""));
}

export const request = {
  get: <T>(path: string, options: Options = {}) => call<T>("GET", path, options),
  post: <T>(path: string, options: Options = {}) => call<T>("POST", path, options),
  patch: <T>(path: string, options: Options = {}) => call<T>("PATCH", path, options),
  delete: <T>(path: string, options: Options = {}) => call<T>("DELETE", path, options),
};
