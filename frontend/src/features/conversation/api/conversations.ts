import { infiniteQueryOptions } from "@tanstack/react-query";
import { type Page, request } from "../../../http/request";
import type { ConversationView, StoredEvent } from "../../../live/wire.gen";

const PATH = "/api/v1/conversations";
const PAGE = 50;

/** Conversations by pages, newest first; all of them, or those with one agent. */
export function conversationsQuery(agentId = "") {
  return infiniteQueryOptions({
    queryKey: ["conversations", agentId],
    queryFn: ({ pageParam, signal }) =>
      request.get<Page<ConversationView>>(PATH, {
        query: { agent_id: agentId, cursor: pageParam, limit: PAGE },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** The page of events before number `before`, oldest first. */
export function earlierEvents(conversation: string, before: number): Promise<Page<StoredEvent>> {
  return request.get<Page<StoredEvent>>(`${PATH}/${encodeURIComponent(conversation)}/events`, {
    query: { before, limit: 100 },
  });
}
