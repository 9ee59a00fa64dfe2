// Which queues are shown, and in which groups.
import type { QueueView } from "../../live/wire.gen";
import { type Agents, note, toneOf } from "./words";

/** Agents' queues that are shown before somebody asks for all. */
export const MOST = 100;

export interface Groups {
  inputs: QueueView[];
  agents: QueueView[];
  lanes: QueueView[];
}

const RANK = { bad: 0, idle: 2, plain: 1 } as const;

/** Those that need somebody first, then the longest, then by name. */
export function byNeed(a: QueueView, b: QueueView): number {
  return (
    Number(toneOf(a) !== "bad") - Number(toneOf(b) !== "bad") ||
    (b.depth ?? 0) - (a.depth ?? 0) ||
    RANK[toneOf(a)] - RANK[toneOf(b)] ||
    a.agent_name.localeCompare(b.agent_name, "en", { numeric: true })
  );
}

function says(queue: QueueView, words: readonly string[], agents: Agents): boolean {
  const text = [queue.name, queue.role, queue.agent_name, note(queue, agents[queue.agent_id])].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The queues in which all words of a filter are found, in the order of their way. */
export function grouped(queues: readonly QueueView[], filter: string, agents: Agents): Groups {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = queues.filter((queue) => says(queue, words, agents));
  return {
    inputs: shown.filter(({ role }) => role === "broker_input" || role === "server_input"),
    agents: shown.filter(({ role }) => role === "agent").sort(byNeed),
    lanes: shown.filter(({ role }) => role === "retry" || role === "dead_letter" || role === "parking"),
  };
}
