// Which strokes an agent's sign has: one for each fact that can be proven. The facts lead; the table of states serves
// where facts are not at hand.

import type { AgentState, Fact, FactState, Presence } from "../../live/wire.gen";
import { stateWord } from "../../theme/states";

/** full: holds; stub: does not hold; dashed: cannot be checked now; breathing: a run holds a slot. */
export type Stroke = "full" | "stub" | "dashed" | "breathing";

export type Facts = Pick<Presence, "process" | "commands" | "consumer" | "work">;

export interface Sign {
  strokes: readonly [Stroke, Stroke, Stroke, Stroke];
  /** The person: it needs you. */
  slash: boolean;
  /** Struck off: its process ended badly. */
  struck: boolean;
  /** Behind bars: it was cut off. */
  barred: boolean;
}

const TABLE: Record<AgentState, Sign["strokes"]> = {
  waiting: ["full", "full", "full", "full"],
  busy: ["full", "full", "full", "breathing"],
  idle: ["full", "full", "full", "stub"],
  paused: ["full", "full", "stub", "stub"],
  draining: ["full", "full", "stub", "breathing"],
  suspect: ["dashed", "dashed", "dashed", "dashed"],
  lost: ["stub", "stub", "stub", "stub"],
  failed: ["full", "full", "full", "full"],
  quarantined: ["dashed", "dashed", "dashed", "dashed"],
};

const DRAWN: Record<FactState, Stroke> = { holds: "full", holds_not: "stub", unknown: "dashed" };

/** Work that holds is drawn as going on, unless a person must answer first. */
function workStroke(work: Fact, state: AgentState): Stroke {
  return work.state === "holds" && state !== "waiting" ? "breathing" : DRAWN[work.state];
}

export function signOf(state: AgentState, facts?: Facts): Sign {
  const slash = state === "waiting";
  const struck = state === "failed";
  const barred = state === "quarantined";
  if (!facts || struck) return { strokes: TABLE[state], slash, struck, barred };
  const { process, commands, consumer, work } = facts;
  const strokes = [
    DRAWN[process.state],
    DRAWN[commands.state],
    DRAWN[consumer.state],
    workStroke(work, state),
  ] as const;
  return { strokes, slash, struck, barred };
}

/** What the sign says, in words. */
export function signLabel(state: AgentState, reason = ""): string {
  return reason ? `${stateWord[state]}, ${reason}` : stateWord[state];
}
