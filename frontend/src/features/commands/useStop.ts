import { useState } from "react";
import { newKey } from "../../http/key";
import { asProblem } from "../../http/problem";
import { useLiveClient } from "../../live/LiveProvider";
import type { Problem } from "../../live/wire.gen";

/** Asks for a command to be stopped, or killed; its stages come with the command's events. */
export function useStop(commandId: string, agentId: string) {
  const client = useLiveClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const stop = (kill: boolean) => {
    setProblem(null);
    client
      .ask({ op: "command.stop", ref: newKey(), command_id: commandId, agent_id: agentId, kill })
      .catch((error: unknown) => setProblem(asProblem(error)));
  };
  return { stop, problem };
}
