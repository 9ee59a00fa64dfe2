// What a block says of its run, derived from the transcript and the draft. Pure.
import { cut } from "../../live/codepoints";
import type { Writing } from "../../live/conversationData";
import { isOver, type Run, type ToolCall } from "../../live/transcript";
import type { AgentState } from "../../live/wire.gen";

export type Stage =
  | "waiting"
  | "queued"
  | "starting"
  | "working"
  | "writing"
  | "stopping"
  | "finished"
  | "stopped"
  | "failed";

export function textOf(run: Run, draft: Writing | undefined): string {
  if (run.text !== null) return run.text;
  return draft && draft.attempt >= run.attempt ? draft.text.text : "";
}

export function stageOf(run: Run, draft: Writing | undefined): Stage {
  if (run.error) return run.error.reason === "stopped" ? "stopped" : "failed";
  if (run.finished) return "finished";
  if (run.stop) return "stopping";
  if (!run.startedAt) return run.queued ? "queued" : "waiting";
  if (run.tools.some((call) => call.result === null)) return "working";
  return textOf(run, draft) ? "writing" : "starting";
}

/** The sign of a run whose agent is not to be asked: it is over, or nobody knows the agent any more. */
export function signOfRun(stage: Stage): AgentState {
  if (stage === "failed") return "failed";
  if (stage === "waiting" || stage === "queued") return "lost";
  return stage === "finished" || stage === "stopped" ? "idle" : "busy";
}

export type Part = { kind: "text"; text: string; isLast: boolean } | { kind: "tool"; call: ToolCall };

/** Text and tool calls in the order in which they happened: each call stands where the text was when it began. */
export function partsOf(run: Run, draft: Writing | undefined): Part[] {
  const calls = [...run.tools].sort((a, b) => a.start.text_offset - b.start.text_offset);
  const texts = cut(
    textOf(run, draft),
    calls.map((call) => call.start.text_offset),
  );
  const parts: Part[] = [];
  for (const [index, text] of texts.entries()) {
    const isLast = index === texts.length - 1;
    if (text.trim() || (isLast && calls.length === 0)) parts.push({ kind: "text", text, isLast });
    const call = calls[index];
    if (call) parts.push({ kind: "tool", call });
  }
  return parts;
}

/** Runs that go on, newest last. */
export function activeRuns(runs: readonly Run[]): Run[] {
  return runs.filter((run) => !isOver(run) && !run.branches);
}
