// Whatever fails becomes a Problem, so that one picture can show it: what, why, and the trace to ask about.
import type { Problem, Reason } from "../live/wire.gen";

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** A problem that this page found itself. */
export function localProblem(reason: Reason, title: string, detail: string, hint = ""): Problem {
  return { type: `urn:muster:${reason}`, title, status: 0, detail, reason, hint, trace_id: "" };
}

const UNREACHABLE = localProblem(
  "unavailable",
  "The server cannot be reached",
  "Nothing answered at this address.",
  "Is `muster up` still running? This page tries again by itself.",
);

function looksLikeProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "reason" in value && "title" in value;
}

/** The problem that an answer with an error status describes. */
export function problemOf(status: number, body: unknown, traceId = ""): Problem {
  if (looksLikeProblem(body)) {
    return { ...localProblem(body.reason, body.title, ""), ...body };
  }
  const title = status === 401 ? "Log in first" : "The server answered in a way that cannot be read";
  const reason: Reason = status === 401 ? "unauthenticated" : "internal";
  return { ...localProblem(reason, title, `HTTP status ${status}.`), status, trace_id: traceId };
}

/** The problem behind anything that was thrown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof TypeError) return UNREACHABLE;
  const detail = error instanceof Error ? error.message : String(error);
  return localProblem("internal", "Something went wrong in this page", detail, "Reload the page.");
}
