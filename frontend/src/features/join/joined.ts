// The agent that has come with the token on the screen, and the four strokes that make it one. Pure.
import { epochMs } from "../../format/moment";
import type { AgentView, Fact } from "../../live/wire.gen";

/** Clocks differ by less than this between the answer with the token and the registration. */
const SLACK_MS = 2000;

/** The latest agent that registered since `since` (server's time). */
export function joinedSince(agents: readonly AgentView[], since: number): AgentView | null {
  const fresh = agents.filter((agent) => epochMs(agent.registered_at) >= since - SLACK_MS);
  return fresh.sort((a, b) => epochMs(b.registered_at) - epochMs(a.registered_at))[0] ?? null;
}

export interface Step {
  name: "Process" | "Commands" | "Consumer" | "Work";
  fact: Fact;
  isDone: boolean;
  /** The one that is waited for now. */
  isNext: boolean;
}

/** Work is done with its first run, or with the proof that slots are free. */
const isDone = (name: Step["name"], fact: Fact): boolean =>
  fact.state === "holds" || (name === "Work" && fact.state === "holds_not");

export function stepsOf({ presence }: AgentView): Step[] {
  const facts = [
    ["Process", presence.process],
    ["Commands", presence.commands],
    ["Consumer", presence.consumer],
    ["Work", presence.work],
  ] as const;
  const open = facts.find(([name, fact]) => !isDone(name, fact))?.[0];
  return facts.map(([name, fact]) => ({ name, fact, isDone: isDone(name, fact), isNext: name === open }));
}

/** Whether the agent has answered: all that is needed for work holds. */
export function hasAnswered(agent: AgentView): boolean {
  return stepsOf(agent).every((step) => step.isDone);
}
