import type { DeadLetterState } from "../../live/wire.gen";

/** What the queues page keeps in the address bar: which queues, which dead letters, and the one that is open. */
export interface QueuesSearch {
  q?: string;
  state?: Exclude<DeadLetterState, "waiting">;
  reason?: string;
  queue?: string;
  agent?: string;
  letter?: string;
}

const NAMES = ["q", "reason", "queue", "agent", "letter"] as const;

export function queuesSearch(raw: Record<string, unknown>): QueuesSearch {
  const search: QueuesSearch = {};
  for (const name of NAMES) {
    const value = raw[name];
    if ((typeof value === "string" || typeof value === "number") && value !== "") search[name] = String(value);
  }
  if (raw.state === "replayed" || raw.state === "dropped") search.state = raw.state;
  return search;
}

/** Which dead letters a list or an action is about. */
export interface Filter {
  queue: string;
  reason: string;
  agent_id: string;
}

export function filterOf({ queue = "", reason = "", agent = "" }: QueuesSearch): Filter {
  return { queue, reason, agent_id: agent };
}

export function isFiltered(filter: Filter): boolean {
  return Object.values(filter).some(Boolean);
}
