import type { AgentView, FactState } from "../../../live/wire.gen";

export const FACTS = [
  { key: "process", name: "Process" },
  { key: "commands", name: "Commands" },
  { key: "consumer", name: "Consumer" },
  { key: "work", name: "Work" },
] as const;

export type FactKey = (typeof FACTS)[number]["key"];

/** One word for each fact's state. */
export const FACT_WORD: Record<FactKey, Record<FactState, string>> = {
  process: { holds: "alive", holds_not: "gone", unknown: "not known" },
  commands: { holds: "attached", holds_not: "not attached", unknown: "not known" },
  consumer: { holds: "attached", holds_not: "not attached", unknown: "not known" },
  work: { holds: "at work", holds_not: "none", unknown: "not known" },
};

/** What else is known about a fact, after its age. */
export function thirdLine(key: FactKey, { description, transport }: AgentView): string {
  if (key === "process" && description.machine.pid) return `pid ${description.machine.pid}`;
  if (key === "consumer" && transport) return `by ${transport}`;
  return "";
}
