// The closed set of states: one colour, one word and one place in the order each. Nothing else reads --mu-state-*.
import type { AgentState } from "../live/wire.gen";

/** The order in which people want to see agents: those that need somebody first. */
export const STATE_ORDER: readonly AgentState[] = [
  "waiting",
  "quarantined",
  "failed",
  "lost",
  "suspect",
  "busy",
  "draining",
  "paused",
  "idle",
];

export const stateColor: Record<AgentState, string> = {
  waiting: "var(--mu-state-waiting)",
  quarantined: "var(--mu-state-quarantined)",
  failed: "var(--mu-state-failed)",
  lost: "var(--mu-state-lost)",
  suspect: "var(--mu-state-suspect)",
  busy: "var(--mu-state-busy)",
  draining: "var(--mu-state-draining)",
  paused: "var(--mu-state-paused)",
  idle: "var(--mu-state-idle)",
};

/** Strokes of the waiting sign are a darker amber on paper than its word, for 3:1. */
export function strokeColor(state: AgentState): string {
  return state === "waiting" ? "var(--mu-waiting-stroke)" : stateColor[state];
}

export const stateWord: Record<AgentState, string> = {
  waiting: "needs you",
  quarantined: "quarantined",
  failed: "failed",
  lost: "lost",
  suspect: "suspect",
  busy: "busy",
  draining: "draining",
  paused: "paused",
  idle: "idle",
};
