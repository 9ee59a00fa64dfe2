// In which order agents are shown, and how it holds still while somebody is reading.
import { epochMs } from "../../format/moment";
import type { AgentView } from "../../live/wire.gen";
import { STATE_ORDER } from "../../theme/states";

export const SORTS = {
  state: "needs you first",
  name: "name",
  machine: "machine",
  changed: "changed last",
} as const;

export type Sort = keyof typeof SORTS;

const byName = (a: AgentView, b: AgentView): number =>
  a.description.name.localeCompare(b.description.name, "en", { numeric: true }) || (a.id < b.id ? -1 : 1);

const COMPARE: Record<Sort, (a: AgentView, b: AgentView) => number> = {
  state: (a, b) => STATE_ORDER.indexOf(a.presence.state) - STATE_ORDER.indexOf(b.presence.state),
  name: () => 0,
  machine: (a, b) => a.description.machine.hostname.localeCompare(b.description.machine.hostname, "en"),
  changed: (a, b) => epochMs(b.presence.since) - epochMs(a.presence.since),
};

export function sorted(agents: readonly AgentView[], sort: Sort): AgentView[] {
  return [...agents].sort((a, b) => COMPARE[sort](a, b) || byName(a, b));
}

export interface News {
  joined: number;
  left: number;
  moved: boolean;
}

/** What would change if the order that is wanted now replaced the one that is shown; null for nothing. */
export function news(shown: readonly string[], wanted: readonly string[]): News | null {
  const before = new Set(shown);
  const after = new Set(wanted);
  const joined = wanted.filter((id) => !before.has(id)).length;
  const left = shown.filter((id) => !after.has(id)).length;
  const stayed = shown.filter((id) => after.has(id));
  const moved = wanted.filter((id) => before.has(id)).some((id, index) => id !== stayed[index]);
  return joined || left || moved ? { joined, left, moved } : null;
}

const agents = (count: number): string => (count === 1 ? "1 agent" : `${count} agents`);

/** "2 agents joined", "1 agent joined, 3 left", "order changed". */
export function newsText({ joined, left }: News): string {
  if (joined && left) return `${agents(joined)} joined, ${left} left`;
  if (joined) return `${agents(joined)} joined`;
  if (left) return `${agents(left)} left`;
  return "order changed";
}
