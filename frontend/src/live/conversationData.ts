// What a page knows of one conversation: its events, the transcript folded from them, and drafts of what is being
// written. Pure.
import * as codepoints from "./codepoints";
import { fold, isOver, runOf, type Transcript, told } from "./transcript";
import type {
  ConversationSnapshot,
  ConversationView,
  Draft,
  PassingFrame,
  StoredEvent,
  TextContent,
  ToolContent,
} from "./wire.gen";

/** What a run has written so far, in one attempt. */
export interface Writing {
  attempt: number;
  text: codepoints.Growing;
  tools: Record<string, codepoints.Growing>;
}

export interface ConversationData {
  kind: "conversation";
  view: ConversationView;
  firstSeq: number;
  events: StoredEvent[];
  transcript: Transcript;
  drafts: Record<string, Writing>;
}

function writingOf(draft: Draft): Writing {
  const tools = draft.tools.map((tool) => [tool.tool_call_id, codepoints.growing(tool.text)]);
  return { attempt: draft.attempt, text: codepoints.growing(draft.text), tools: Object.fromEntries(tools) };
}

/** A snapshot replaces what is known, but earlier pages that join it without a gap stay. */
export function conversationFrom(snapshot: ConversationSnapshot, before: ConversationData | null): ConversationData {
  const earlier = before ? before.events.filter((stored) => stored.seq < snapshot.first_seq) : [];
  const joins = earlier.length > 0 && earlier[earlier.length - 1]?.seq === snapshot.first_seq - 1;
  const events = joins ? [...earlier, ...snapshot.events] : snapshot.events;
  return {
    kind: "conversation",
    view: snapshot.conversation,
    firstSeq: events[0]?.seq ?? snapshot.first_seq,
    events,
    transcript: fold(events),
    drafts: Object.fromEntries(snapshot.drafts.map((draft) => [draft.run_id, writingOf(draft)])),
  };
}

/** Events that a page of history brought, put before those that are known. */
export function withEarlier(data: ConversationData, page: readonly StoredEvent[]): ConversationData {
  const earlier = page.filter((stored) => stored.seq < data.firstSeq);
  if (earlier.length === 0) return data;
  const events = [...earlier, ...data.events];
  return { ...data, events, firstSeq: events[0]?.seq ?? data.firstSeq, transcript: fold(events) };
}

/** A final text or result replaces its draft; the end of a run and a new attempt end all of it. */
function draftsAfter(drafts: Record<string, Writing>, { event }: StoredEvent): Record<string, Writing> {
  if (!("run_id" in event)) return drafts;
  const draft = drafts[event.run_id];
  if (!draft) return drafts;
  if (event.kind === "RUN_FINISHED" || event.kind === "RUN_ERROR") {
    if (event.attempt < draft.attempt) return drafts;
    const { [event.run_id]: _ended, ...rest } = drafts;
    return rest;
  }
  if (event.kind === "TEXT_MESSAGE_END" && event.attempt >= draft.attempt) {
    return { ...drafts, [event.run_id]: { ...draft, text: codepoints.EMPTY } };
  }
  if (event.kind === "RUN_STARTED" && event.attempt > draft.attempt) {
    return { ...drafts, [event.run_id]: { attempt: event.attempt, text: codepoints.EMPTY, tools: {} } };
  }
  if (event.kind === "TOOL_CALL_RESULT") {
    const { [event.tool_call_id]: _done, ...tools } = draft.tools;
    return { ...drafts, [event.run_id]: { ...draft, tools } };
  }
  return drafts;
}

function viewAfter(view: ConversationView, stored: StoredEvent, transcript: Transcript): ConversationView {
  const { event } = stored;
  const active = new Set(view.active_runs);
  const run = runOf(transcript, event.run_id);
  if (event.kind === "USER_MESSAGE" || event.kind === "RUN_QUEUED") active.add(event.run_id);
  else if (run && isOver(run)) active.delete(event.run_id);
  if (event.kind === "RUN_FANNED_OUT") {
    active.delete(event.run_id);
    for (const branch of event.branches) active.add(branch.run_id);
  }
  return { ...view, last_seq: stored.seq, updated_at: stored.at, active_runs: [...active] };
}

export function withEvent(data: ConversationData, stored: StoredEvent): ConversationData {
  const transcript = told(data.transcript, stored);
  return {
    ...data,
    events: [...data.events, stored],
    transcript,
    drafts: draftsAfter(data.drafts, stored),
    view: viewAfter(data.view, stored, transcript),
  };
}

/** Whether the transcript has the final form of what this piece belongs to. */
function isFinal(data: ConversationData, piece: TextContent | ToolContent): boolean {
  const run = runOf(data.transcript, piece.run_id);
  if (!run) return false;
  if (isOver(run) || piece.attempt < run.attempt) return true;
  if (piece.attempt > run.attempt) return false;
  if (piece.kind === "TEXT_MESSAGE_CONTENT") return run.text !== null;
  return run.tools.some((call) => call.start.tool_call_id === piece.tool_call_id && call.result !== null);
}

/** The data with a passing piece, and whether a hole shows that pieces before it were lost. */
export function withPiece(
  data: ConversationData,
  piece: PassingFrame["event"],
): { data: ConversationData; hole: boolean } {
  if (isFinal(data, piece)) return { data, hole: false };
  const known = data.drafts[piece.run_id];
  if (known && piece.attempt < known.attempt) return { data, hole: false };
  const draft: Writing =
    known && known.attempt === piece.attempt ? known : { attempt: piece.attempt, text: codepoints.EMPTY, tools: {} };
  const isText = piece.kind === "TEXT_MESSAGE_CONTENT";
  const have = isText ? draft.text : (draft.tools[piece.tool_call_id] ?? codepoints.EMPTY);
  const grown = codepoints.placed(have, piece.offset, piece.delta);
  if (!grown) return { data, hole: true };
  if (grown === have && known === draft) return { data, hole: false };
  const next: Writing = isText
    ? { ...draft, text: grown }
    : { ...draft, tools: { ...draft.tools, [piece.tool_call_id]: grown } };
  return { data: { ...data, drafts: { ...data.drafts, [piece.run_id]: next } }, hole: false };
}
