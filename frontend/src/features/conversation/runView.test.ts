import { describe, expect, test } from "vitest";
import { growing } from "../../live/codepoints";
import type { Writing } from "../../live/conversationData";
import type { Run, ToolCall } from "../../live/transcript";
import { activeRuns, partsOf, signOfRun, stageOf, textOf } from "./runView";

const AT = "2026-11-21T14:00:00.000Z";

function run(part: Partial<Run> = {}): Run {
  return {
    kind: "run",
    id: "run_1",
    seq: 1,
    at: AT,
    agentId: "agt_1",
    agentName: "docs",
    attempt: 1,
    queued: null,
    branches: null,
    firstStartedAt: AT,
    startedAt: AT,
    text: null,
    tools: [],
    stop: null,
    finished: null,
    error: null,
    endedAt: null,
    ...part,
  };
}

const writing = (text: string, attempt = 1): Writing => ({ attempt, text: growing(text), tools: {} });

function call(offset: number, id = `tc_${offset}`, done = true): ToolCall {
  return {
    start: {
      kind: "TOOL_CALL_START",
      run_id: "run_1",
      attempt: 1,
      tool_call_id: id,
      tool: "shell",
      title: "Run",
      subject: "",
      arguments: {},
      text_offset: offset,
    },
    startedAt: AT,
    result: done ? ({ tool_call_id: id } as ToolCall["result"]) : null,
  };
}

const error = (reason: "stopped" | "model_failed") => ({
  kind: "RUN_ERROR" as const,
  run_id: "run_1",
  attempt: 1,
  reason,
  message: "",
  hint: "",
  duration_ms: 1,
});
const queued = { kind: "RUN_QUEUED" as const, run_id: "run_1", agent_id: "agt_1", detail: "" };
const finished = {
  kind: "RUN_FINISHED" as const,
  run_id: "run_1",
  attempt: 1,
  duration_ms: 1,
  input_tokens: 0,
  output_tokens: 0,
};
const stop = { kind: "RUN_STOP_REQUESTED" as const, run_id: "run_1", by: "admin" };

describe("a run's stage", () => {
  test.each([
    ["waiting", run({ startedAt: null }), undefined],
    ["queued", run({ startedAt: null, queued }), undefined],
    ["starting", run(), undefined],
    ["writing", run(), writing("a")],
    ["working", run({ tools: [call(0, "tc", false)] }), writing("a")],
    ["stopping", run({ stop }), writing("a")],
    ["stopped", run({ stop, error: error("stopped") }), undefined],
    ["failed", run({ error: error("model_failed") }), undefined],
    ["finished", run({ stop, finished }), undefined],
  ] as const)("is %s", (stage, given, draft) => {
    expect(stageOf(given, draft)).toBe(stage);
  });

  test("has a sign for whoever is not asked any more", () => {
    expect(["failed", "finished", "queued", "writing"].map((stage) => signOfRun(stage as never))).toEqual([
      "failed",
      "idle",
      "lost",
      "busy",
    ]);
  });

  test("a run that went to many does not go on itself", () => {
    const many = run({ startedAt: null, branches: [] });
    expect(activeRuns([many, run({ finished }), run({ id: "run_2" })]).map(({ id }) => id)).toEqual(["run_2"]);
  });
});

describe("what a run says", () => {
  test("is the final text, else the draft of the same attempt", () => {
    expect(textOf(run({ text: "final" }), writing("draft"))).toBe("final");
    expect(textOf(run({ attempt: 2 }), writing("of the first"))).toBe("");
    expect(textOf(run({ attempt: 1 }), writing("ahead", 2))).toBe("ahead");
  });

  test("stands around its tool calls, cut between code points", () => {
    const parts = partsOf(run({ text: "🎺 before 🎷 after", tools: [call(9), call(2, "tc_early")] }), undefined);
    expect(parts.map((part) => (part.kind === "text" ? part.text : part.call.start.tool_call_id))).toEqual([
      "🎺 ",
      "tc_early",
      "before ",
      "tc_9",
      "🎷 after",
    ]);
  });

  test("leaves out empty pieces, but has a place to write in", () => {
    expect(partsOf(run(), undefined)).toEqual([{ kind: "text", text: "", isLast: true }]);
    expect(partsOf(run({ tools: [call(0)] }), undefined).map((part) => part.kind)).toEqual(["tool"]);
  });
});
