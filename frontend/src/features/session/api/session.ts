import { queryOptions } from "@tanstack/react-query";
import { request } from "../../../http/request";
import type { Session } from "../../../live/wire.gen";

const PATH = "/api/v1/session";

/** Who is logged in. A 401 is an answer: nobody. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => request.get<Session>(PATH, { signal, quiet401: true }),
  staleTime: 5 * 60_000,
  retry: false,
});

/** Trades the one-time code of a login link for a session. */
export function logIn(code: string): Promise<Session> {
  return request.post<Session>(PATH, { body: { code }, quiet401: true });
}

export function logOut(): Promise<void> {
  return request.delete<void>(PATH, { quiet401: true });
}
