// A conversation as it is read, folded from its numbered events. Pure: the same events give the same transcript,
// however they were cut, repeated or resumed on the way.
import type {
  RunBranch,
  RunError,
  RunFinished,
  RunQueued,
  StopRequested,
  StoredEvent,
  ToolResult,
  ToolStart,
  UserMessage,
} from "./wire.gen";

export interface Said {
  kind: "said";
  seq: number;
  at: string;
  message: UserMessage;
}

export interface ToolCall {
  start: ToolStart;
  startedAt: string;
  result: ToolResult | null;
}

export interface Run {
  kind: "run";
  id: string;
  seq: number;
  /** When the first event of the run came. */
  at: string;
  agentId: string;
  agentName: string;
  attempt: number;
  queued: RunQueued | null;
  /** The message went to many: each of these answers in a run of its own, and this run stands for all of them. */
  branches: RunBranch[] | null;
  /** When the agent began at all, and when it began its current attempt. */
  firstStartedAt: string | null;
  startedAt: string | null;
  text: string | null;
  tools: ToolCall[];
  stop: StopRequested | null;
  finished: RunFinished | null;
  error: RunError | null;
  endedAt: string | null;
}

export type Entry = Said | Run;

export interface Transcript {
  /** Messages by id and runs by id, in the order in which each appeared. */
  order: string[];
  entries: Record<string, Entry>;
}

export const EMPTY_TRANSCRIPT: Transcript = { order: [], entries: {} };

export function isOver(run: Run): boolean {
  return run.finished !== null || run.error !== null;
}

export function runOf(transcript: Transcript, runId: string): Run | null {
  const entry = transcript.entries[runId];
  return entry?.kind === "run" ? entry : null;
}

export function runsOf(transcript: Transcript): Run[] {
  return transcript.order.flatMap((key) => runOf(transcript, key) ?? []);
}

function newRun(id: string, seq: number, at: string): Run {
  return {
    kind: "run",
    id,
    seq,
    at,
    agentId: "",
    agentName: "",
    attempt: 0,
    queued: null,
    branches: null,
    firstStartedAt: null,
    startedAt: null,
    text: null,
    tools: [],
    stop: null,
    finished: null,
    error: null,
    endedAt: null,
  };
}

/** A higher attempt replaces all that earlier ones said; a lower one is not heard any more (null). */
function atAttempt(run: Run, attempt: number): Run | null {
  if (attempt < run.attempt) return null;
  if (attempt === run.attempt) return run;
  return { ...run, attempt, text: null, tools: [], finished: null, error: null, endedAt: null };
}

function withResult(tools: ToolCall[], result: ToolResult): ToolCall[] {
  return tools.map((call) => (call.start.tool_call_id === result.tool_call_id ? { ...call, result } : call));
}

function withCall(tools: ToolCall[], call: ToolCall): ToolCall[] {
  const known = tools.some((other) => other.start.tool_call_id === call.start.tool_call_id);
  return known ? tools : [...tools, call];
}

function changed(run: Run, { event, at }: StoredEvent): Run | null {
  if (event.kind === "USER_MESSAGE") return null;
  if (event.kind === "RUN_FANNED_OUT") return { ...run, branches: event.branches };
  if (event.kind === "RUN_QUEUED") {
    // A failed run waits again when a person sends its message, or its answer, again.
    return { ...run, queued: event, agentId: event.agent_id, error: null, endedAt: null };
  }
  if (event.kind === "RUN_STOP_REQUESTED") return { ...run, stop: event };
  const current = atAttempt(run, event.attempt);
  if (!current) return null;
  switch (event.kind) {
    case "RUN_STARTED":
      return {
        ...current,
        agentId: event.agent_id,
        agentName: event.agent_name,
        firstStartedAt: current.firstStartedAt ?? at,
        startedAt: at,
      };
    case "TOOL_CALL_START":
      return { ...current, tools: withCall(current.tools, { start: event, startedAt: at, result: null }) };
    case "TOOL_CALL_RESULT":
      return { ...current, tools: withResult(current.tools, event) };
    case "TEXT_MESSAGE_END":
      return { ...current, text: event.text };
    case "RUN_FINISHED":
      return { ...current, finished: event, endedAt: at };
    case "RUN_ERROR":
      return { ...current, error: event, endedAt: at };
  }
}

function withEntry(transcript: Transcript, key: string, entry: Entry): Transcript {
  const known = key in transcript.entries;
  return {
    order: known ? transcript.order : [...transcript.order, key],
    entries: { ...transcript.entries, [key]: entry },
  };
}

/** A run for each agent that a message to many went to, so that all of them are seen before they begin. */
function withBranches(transcript: Transcript, stored: StoredEvent): Transcript {
  if (stored.event.kind !== "RUN_FANNED_OUT") return transcript;
  return stored.event.branches.reduce((soFar, branch) => {
    if (soFar.entries[branch.run_id]) return soFar;
    const run = newRun(branch.run_id, stored.seq, stored.at);
    return withEntry(soFar, branch.run_id, { ...run, agentId: branch.agent_id, agentName: branch.agent_name });
  }, transcript);
}

/** The transcript with one more event. */
export function told(transcript: Transcript, stored: StoredEvent): Transcript {
  const { event, seq, at } = stored;
  if (event.kind === "USER_MESSAGE") {
    return withEntry(transcript, event.message_id, { kind: "said", seq, at, message: event });
  }
  const known = transcript.entries[event.run_id];
  const run = changed(known?.kind === "run" ? known : newRun(event.run_id, seq, at), stored);
  return run ? withBranches(withEntry(transcript, event.run_id, run), stored) : transcript;
}

export function fold(events: readonly StoredEvent[]): Transcript {
  return events.reduce(told, EMPTY_TRANSCRIPT);
}
