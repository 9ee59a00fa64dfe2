import { useCallback, useState } from "react";
import { newKey } from "../../http/key";
import { asProblem } from "../../http/problem";
import { useLiveClient } from "../../live/LiveProvider";
import type { Problem } from "../../live/wire.gen";

/** Asks runs to stop; what became of it is seen in the conversation's events. */
export function useStopRuns(): { stop(runIds: readonly string[]): void; problem: Problem | null } {
  const client = useLiveClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const stop = useCallback(
    (runIds: readonly string[]) => {
      setProblem(null);
      for (const runId of runIds) {
        client
          .ask({ op: "run.stop", ref: newKey(), run_id: runId })
          .catch((error: unknown) => setProblem(asProblem(error)));
      }
    },
    [client],
  );
  return { stop, problem };
}
