import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useCommands } from "../../live/hooks";
import type { CommandView } from "../../live/wire.gen";
import { commandsQuery } from "./api/commands";
import { targetOf } from "./progress";

/** An agent's commands: pages that were read, under what is live, under what was pushed here and now. */
export function useAgentCommands(agentId: string, own: CommandView[]) {
  const live = useCommands();
  const query = useInfiniteQuery(commandsQuery(agentId));
  const items = useMemo(() => {
    const all = new Map<string, CommandView>();
    for (const command of own) all.set(command.id, command);
    for (const page of query.data?.pages ?? []) for (const command of page.items) all.set(command.id, command);
    for (const command of Object.values(live ?? {})) all.set(command.id, command);
    return [...all.values()]
      .filter((command) => targetOf(command, agentId) !== null)
      .sort((a, b) => (a.created_at < b.created_at || (a.created_at === b.created_at && a.id < b.id) ? 1 : -1));
  }, [own, query.data, live, agentId]);
  return { items, query };
}

export type AgentCommands = ReturnType<typeof useAgentCommands>;
