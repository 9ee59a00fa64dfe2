import { queryOptions } from "@tanstack/react-query";
import { request } from "../../../http/request";
import type { QueueList } from "../../../live/wire.gen";

/** How often the page looks while it is visible; a large fleet's answer is large, so it is asked for less often. */
export const EVERY_MS = 2000;
const EVERY_LARGE_MS = 10_000;
const LARGE = 500;

export const queuesQuery = queryOptions({
  queryKey: ["queues"],
  queryFn: ({ signal }) => request.get<QueueList>("/api/v1/queues", { signal }),
  refetchInterval: ({ state }) => ((state.data?.items.length ?? 0) > LARGE ? EVERY_LARGE_MS : EVERY_MS),
  staleTime: 0,
});
