import { useCallback, useState } from "react";
import { newKey } from "../../http/key";
import { asProblem } from "../../http/problem";
import type { CommandView, Problem } from "../../live/wire.gen";
import { pushCommand } from "./api/commands";

/** A line that was pushed and is not answered yet, or was refused. */
export interface Pushed {
  key: string;
  shell: string;
  problem: Problem | null;
}

/** Pushes lines to one agent: each is seen at once, and is a command as soon as the server has it. */
export function usePush(agentId: string, onPushed: (command: CommandView) => void) {
  const [pending, setPending] = useState<Pushed[]>([]);
  const [own, setOwn] = useState<CommandView[]>([]);
  const forget = useCallback((key: string) => setPending((all) => all.filter((push) => push.key !== key)), []);
  const push = async (shell: string) => {
    const key = newKey();
    setPending((all) => [{ key, shell, problem: null }, ...all]);
    try {
      const command = await pushCommand({ to: `agent:${agentId}`, shell }, key);
      setOwn((all) => [command, ...all]);
      forget(key);
      onPushed(command);
    } catch (error) {
      setPending((all) => all.map((one) => (one.key === key ? { ...one, problem: asProblem(error) } : one)));
    }
  };
  return { push, pending, own, forget };
}
