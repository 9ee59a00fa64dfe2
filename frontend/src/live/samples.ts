// A conversation and its frames for tests: two runs, tool calls, a second attempt, astral characters.
import type { ConversationData } from "./conversationData";
import type { StreamFrame } from "./frames";
import { newStream, reduce, type StreamState } from "./streamState";
import type { ConversationView, Draft, EventFrame, PassingFrame, SnapshotFrame, StoredEvent } from "./wire.gen";

export const STREAM = "conversation:cnv_1";
const AT = "2026-11-21T14:06:31.204Z";

export function view(lastSeq: number, active: string[] = []): ConversationView {
  return {
    id: "cnv_1",
    title: "A title",
    to: "agent:agt_1",
    agent_id: "agt_1",
    created_at: AT,
    updated_at: AT,
    last_seq: lastSeq,
    preview: "",
    active_runs: active,
    failed: null,
  };
}

const run = { run_id: "run_1", agent_id: "agt_1", agent_name: "docs" };
const tool = { run_id: "run_1", tool_call_id: "tc_1" };

const EVENTS: StoredEvent["event"][] = [
  {
    kind: "USER_MESSAGE",
    message_id: "msg_1",
    run_id: "run_1",
    sender: "usr_1",
    sender_name: "admin",
    to: "agent:agt_1",
    text: "Play 🎺",
  },
  { kind: "RUN_QUEUED", run_id: "run_1", agent_id: "agt_1", detail: "agent last seen 4 m ago" },
  { kind: "RUN_STARTED", ...run, attempt: 1 },
  {
    kind: "TOOL_CALL_START",
    ...tool,
    attempt: 1,
    tool: "shell",
    title: "Run a command",
    subject: "ls",
    arguments: {},
    text_offset: 3,
  },
  { kind: "RUN_STARTED", ...run, attempt: 2 },
  {
    kind: "TOOL_CALL_START",
    ...tool,
    tool_call_id: "tc_2",
    attempt: 2,
    tool: "shell",
    title: "Run a command",
    subject: "ls 🎷",
    arguments: {},
    text_offset: 2,
  },
  {
    kind: "TOOL_CALL_RESULT",
    ...tool,
    tool_call_id: "tc_2",
    attempt: 2,
    ok: true,
    output: "a.txt",
    media: "terminal",
    language: "",
    exit_code: 0,
    duration_ms: 41,
    truncated: 0,
  },
  // What a process that was thought dead still said.
  { kind: "TEXT_MESSAGE_END", run_id: "run_1", attempt: 1, message_id: "msg_0", text: "of the first", sha256: "" },
  { kind: "TEXT_MESSAGE_END", run_id: "run_1", attempt: 2, message_id: "msg_2", text: "🎺🎷 done", sha256: "" },
  { kind: "RUN_FINISHED", run_id: "run_1", attempt: 2, duration_ms: 900, input_tokens: 0, output_tokens: 0 },
  {
    kind: "USER_MESSAGE",
    message_id: "msg_3",
    run_id: "run_2",
    sender: "usr_1",
    sender_name: "admin",
    to: "agent:agt_1",
    text: "And now?",
  },
  { kind: "RUN_STARTED", ...run, run_id: "run_2", attempt: 1 },
  { kind: "RUN_STOP_REQUESTED", run_id: "run_2", by: "admin" },
  {
    kind: "RUN_ERROR",
    run_id: "run_2",
    attempt: 1,
    reason: "stopped",
    message: "The run was stopped.",
    hint: "",
    duration_ms: 300,
  },
];

export const LOG: StoredEvent[] = EVENTS.map((event, index) => ({ seq: index + 1, at: AT, event }));

export function eventFrame(stored: StoredEvent): EventFrame {
  return { op: "event", stream: STREAM, ...stored };
}

export function snapshot(upTo: number, first = 1, drafts: Draft[] = []): SnapshotFrame {
  const events = LOG.slice(first - 1, upTo);
  return {
    op: "snapshot",
    stream: STREAM,
    epoch: "db-1",
    seq: upTo,
    data: { kind: "conversation", snapshot: { conversation: view(upTo), first_seq: first, events, drafts } },
  };
}

export function piece(offset: number, delta: string, attempt = 1, runId = "run_1"): PassingFrame {
  return {
    op: "passing",
    stream: STREAM,
    event: { kind: "TEXT_MESSAGE_CONTENT", run_id: runId, attempt, offset, delta },
  };
}

export function toolPiece(offset: number, delta: string, id: string, attempt = 1): PassingFrame {
  return {
    op: "passing",
    stream: STREAM,
    event: { kind: "TOOL_CALL_CONTENT", run_id: "run_1", attempt, tool_call_id: id, offset, delta },
  };
}

export function stateAfter(frames: StreamFrame[], from: StreamState = newStream(STREAM)): StreamState {
  return frames.reduce((state, frame) => reduce(state, frame).state, from);
}

export function conversation(state: StreamState): ConversationData {
  if (state.data?.kind !== "conversation") throw new Error("not a conversation");
  return state.data;
}
