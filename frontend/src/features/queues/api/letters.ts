import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { type Page, request } from "../../../http/request";
import type {
  DeadLetterCounts,
  DeadLetterDetail,
  DeadLetterState,
  DeadLettersHandled,
  DeadLetterView,
} from "../../../live/wire.gen";
import type { Filter } from "../search";
import { EVERY_MS } from "./queues";

const PATH = "/api/v1/dead-letters";
const PAGE = 50;
/** The most that one request handles. */
const AT_ONCE = 500;

export type Action = "replay" | "drop";

/** The key of everything that a change makes old. */
export const LETTERS = ["dead-letters"];

const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;

/** Dead letters by pages, newest first. */
export function lettersQuery(state: DeadLetterState, filter: Filter) {
  return infiniteQueryOptions({
    queryKey: [...LETTERS, "list", state, filter],
    queryFn: ({ pageParam, signal }) =>
      request.get<Page<DeadLetterView>>(PATH, { query: { state, ...filter, cursor: pageParam, limit: PAGE }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
}

/** How many there are in a state, by queue, reason and agent. */
export function countsQuery(state: DeadLetterState, everyMs = EVERY_MS) {
  return queryOptions({
    queryKey: [...LETTERS, "counts", state],
    queryFn: ({ signal }) => request.get<DeadLetterCounts>(`${PATH}/counts`, { query: { state }, signal }),
    refetchInterval: everyMs,
    staleTime: everyMs,
  });
}

export function letterQuery(id: string) {
  return queryOptions({
    queryKey: [...LETTERS, "one", id],
    queryFn: ({ signal }) => request.get<DeadLetterDetail>(pathOf(id), { signal }),
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
}

export function editLetter(id: string, change: { body?: string; to?: string }): Promise<DeadLetterDetail> {
  return request.patch<DeadLetterDetail>(pathOf(id), { body: change });
}

export function handleLetter(action: Action, id: string): Promise<DeadLetterView> {
  return request.post<DeadLetterView>(`${pathOf(id)}/${action}`);
}

/** Handles all that wait now and match, oldest first; what dies again meanwhile is not handled twice. */
export async function handleAll(action: Action, filter: Filter): Promise<number> {
  const some = (limit: number) =>
    request.post<DeadLettersHandled>(`${PATH}/${action}`, { body: { filter, limit: Math.min(AT_ONCE, limit) } });
  let done = await some(AT_ONCE);
  let { handled, waiting: left } = done;
  while (done.handled > 0 && left > 0) {
    done = await some(left);
    handled += done.handled;
    left -= done.handled;
  }
  return handled;
}
