// The law of a stream: events are numbered without gaps. What is known is ignored, what follows is applied, a gap is
// asked for again. Pure: a state and a frame give the next state, and perhaps a question to the server.
import { type CommandData, commandFrom, withCommandEvent } from "./commandData";
import { type ConversationData, conversationFrom, withEvent, withPiece } from "./conversationData";
import type { StreamFrame } from "./frames";
import {
  type CommandsData,
  type ConversationsData,
  commandsFrom,
  conversationsFrom,
  type FleetData,
  fleetFrom,
  withCommandsEvent,
  withConversationsEvent,
  withFleetEvent,
} from "./lists";
import type { EventFrame, Problem, SnapshotFrame, StoredCommandEvent, StoredEvent } from "./wire.gen";

export type StreamData = FleetData | ConversationsData | CommandsData | ConversationData | CommandData;

export interface StreamState {
  stream: string;
  epoch: string;
  seq: number;
  data: StreamData | null;
  /** A subscription is under way: what arrives before its answer belongs to an earlier one. */
  asking: boolean;
  problem: Problem | null;
}

/** How to subscribe again: from the last known event, or from a new snapshot. */
export type Question = "since" | "fresh";

export interface Step {
  state: StreamState;
  ask: Question | null;
}

export function newStream(stream: string): StreamState {
  return { stream, epoch: "", seq: 0, data: null, asking: true, problem: null };
}

const stay = (state: StreamState): Step => ({ state, ask: null });

function dataFrom(state: StreamState, frame: SnapshotFrame): StreamData {
  const { data } = frame;
  // What was known before counts only if it belongs to the same numbering.
  const before = state.epoch === frame.epoch ? state.data : null;
  switch (data.kind) {
    case "fleet":
      return fleetFrom(data);
    case "conversations":
      return conversationsFrom(data);
    case "commands":
      return commandsFrom(data);
    case "conversation":
      return conversationFrom(data.snapshot, before?.kind === "conversation" ? before : null);
    case "command":
      return commandFrom(data.snapshot, before?.kind === "command" ? before : null, state.seq);
  }
}

function dataWith(data: StreamData, frame: EventFrame): StreamData {
  const { seq, at, event } = frame;
  switch (data.kind) {
    case "fleet":
      return withFleetEvent(data, frame);
    case "conversations":
      return withConversationsEvent(data, event);
    case "commands":
      return withCommandsEvent(data, event);
    case "conversation":
      return withEvent(data, { seq, at, event } as StoredEvent);
    case "command":
      return withCommandEvent(data, { seq, at, event } as StoredCommandEvent);
  }
}

function onEvent(state: StreamState, frame: EventFrame): Step {
  if (!state.data || frame.seq <= state.seq) return stay(state);
  if (frame.seq === state.seq + 1) {
    return stay({ ...state, seq: frame.seq, data: dataWith(state.data, frame) });
  }
  return state.asking ? stay(state) : { state: { ...state, asking: true }, ask: "since" };
}

/** The state after `frame`, and what to ask the server for. */
export function reduce(state: StreamState, frame: StreamFrame): Step {
  switch (frame.op) {
    case "event":
      return onEvent(state, frame);
    case "passing": {
      if (state.data?.kind !== "conversation") return stay(state);
      const { data, hole } = withPiece(state.data, frame.event);
      // Pieces are not sent again; a snapshot brings the draft as it stands.
      if (hole && !state.asking) return { state: { ...state, asking: true }, ask: "fresh" };
      return stay(data === state.data ? state : { ...state, data });
    }
    case "snapshot":
      return stay({
        stream: state.stream,
        epoch: frame.epoch,
        seq: frame.seq,
        data: dataFrom(state, frame),
        asking: false,
        problem: null,
      });
    case "resumed":
      return stay({ ...state, epoch: frame.epoch, asking: false, problem: null });
    case "resync":
      return { state: { ...state, asking: true }, ask: "fresh" };
    case "error":
      return stay({ ...state, asking: false, problem: frame.problem });
  }
}
