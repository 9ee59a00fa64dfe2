import { QueryClient } from "@tanstack/react-query";
import { ProblemError } from "./problem";

/** Answers that will not change by asking again. */
const isFinal = (error: unknown): boolean =>
  error instanceof ProblemError && error.problem.status >= 400 && error.problem.status < 500;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (count, error) => !isFinal(error) && count < 2,
      },
    },
  });
}
