import { infiniteQueryOptions } from "@tanstack/react-query";
import { type Page, request } from "../../../http/request";
import type { CommandView, PushCommand, StoredCommandEvent } from "../../../live/wire.gen";

const PATH = "/api/v1/commands";
const PAGE = 50;
/** Events that one page of output has; the server gives no more at once. */
export const OUTPUT_PAGE = 200;

/** What the server has a default for may stay out. */
export type NewCommand = Pick<PushCommand, "to" | "shell"> & Partial<PushCommand>;

export function pushCommand(body: NewCommand, idempotencyKey: string): Promise<CommandView> {
  return request.post<CommandView>(PATH, { body, idempotencyKey });
}

/** Commands of one agent by pages, newest first. */
export function commandsQuery(agentId: string) {
  return infiniteQueryOptions({
    queryKey: ["commands", agentId],
    queryFn: ({ pageParam, signal }) =>
      request.get<Page<CommandView>>(PATH, { query: { agent_id: agentId, cursor: pageParam, limit: PAGE }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** A page of a command's events after number `after`. */
export function eventsAfter(commandId: string, after: number, limit = OUTPUT_PAGE): Promise<Page<StoredCommandEvent>> {
  return request.get<Page<StoredCommandEvent>>(`${PATH}/${encodeURIComponent(commandId)}/events`, {
    query: { after, limit },
  });
}

/** All that a target wrote, page by page. */
export async function wholeOutput(commandId: string, agentId: string): Promise<string> {
  let text = "";
  let after = 0;
  for (;;) {
    const { items, next_cursor: next } = await eventsAfter(commandId, after);
    for (const { event } of items) if (event.kind === "OUTPUT" && event.agent_id === agentId) text += event.text;
    const last = items[items.length - 1];
    if (!last || next === null) return text;
    after = last.seq;
  }
}
