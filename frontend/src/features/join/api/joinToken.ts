import { queryOptions } from "@tanstack/react-query";
import { serverNow } from "../../../clock/now";
import { newKey } from "../../../http/key";
import { request } from "../../../http/request";
import type { JoinToken, NewJoinToken } from "../../../live/wire.gen";

/** How long a token is good for. */
const EXPIRES_IN_S = 3600;

async function create(name: string | null): Promise<JoinToken & { asked_at: number }> {
  const body: NewJoinToken = { kind: "agent", name, expires_in_s: EXPIRES_IN_S };
  const token = await request.post<JoinToken>("/api/v1/join-tokens", { body, idempotencyKey: newKey() });
  return { ...token, asked_at: serverNow() };
}

/**
 * One token for as long as the console is open: it is shown once by the server, so it is kept here until it is used,
 * has expired, or another one is asked for. `number` counts those that were asked for.
 */
export function joinTokenQuery(number: number, name: string) {
  return queryOptions({
    queryKey: ["join-token", number],
    queryFn: () => create(name || null),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}
