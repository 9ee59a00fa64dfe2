import { queryOptions } from "@tanstack/react-query";
import { request } from "../../../http/request";
import type { SystemView } from "../../../live/wire.gen";

/** How often the server is asked about itself. */
const EVERY_MS = 10_000;

export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => request.get<SystemView>("/api/v1/system", { signal }),
  refetchInterval: EVERY_MS,
  staleTime: EVERY_MS,
});
