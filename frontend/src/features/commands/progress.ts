// How far a command is on one target: words, colours, strokes. Pure.

import type { Stroke } from "../../components/tally/strokes";
import { epochMs } from "../../format/moment";
import type { AgentState, CommandView, TargetState, TargetView } from "../../live/wire.gen";

export const STATE_WORD: Record<TargetState, string> = {
  stored: "stored",
  delivered: "delivered",
  running: "running",
  done: "done",
  failed: "failed",
  stopped: "stopped",
  timed_out: "timed out",
  refused: "refused",
  expired: "expired",
  interrupted: "interrupted",
};

/** The state of an agent whose colour a target's state has. */
const TONE: Record<TargetState, AgentState> = {
  stored: "lost",
  delivered: "lost",
  running: "busy",
  done: "idle",
  failed: "failed",
  stopped: "paused",
  timed_out: "failed",
  refused: "failed",
  expired: "failed",
  interrupted: "failed",
};

export function toneOf(state: TargetState): AgentState {
  return TONE[state];
}

/** Stored, delivered, running, done. */
export function strokesOf(target: TargetView): readonly Stroke[] {
  const reached = (at: string | null): Stroke => (at ? "full" : "stub");
  if (target.state === "running") return ["full", "full", "breathing", "stub"];
  return ["full", reached(target.delivered_at), reached(target.started_at), target.state === "done" ? "full" : "stub"];
}

export function isOver({ ended_at, state }: TargetView): boolean {
  return ended_at !== null || !["stored", "delivered", "running"].includes(state);
}

export function isRunning(target: TargetView): boolean {
  return target.state === "running" && !isOver(target);
}

/** How long it took, or has taken until `now`; null before it began. */
export function tookMs(target: TargetView, now: number): number | null {
  if (target.duration_ms !== null) return target.duration_ms;
  if (!target.started_at) return null;
  const end = target.ended_at ? epochMs(target.ended_at) : now;
  return Math.max(0, end - epochMs(target.started_at));
}

/** "exit 3", or "signal 9" for a program that was ended from outside. */
export function exitText(code: number): string {
  return code < 0 ? `signal ${-code}` : `exit ${code}`;
}

const PLAIN = /^[\w@%+=:,./-]+$/;

/** The line as one would type it. */
export function lineOf({ shell, argv }: Pick<CommandView, "shell" | "argv">): string {
  if (shell) return shell;
  return argv.map((part) => (PLAIN.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`)).join(" ");
}

export function targetOf(command: CommandView, agentId: string): TargetView | null {
  return command.targets.find((target) => target.agent_id === agentId) ?? null;
}
