// Frames on the wire: JSON objects separated by newlines, several in one message in either direction.
import type {
  ChatSend,
  CommandStop,
  ErrorFrame,
  EventFrame,
  PassingFrame,
  Resumed,
  Resync,
  RunStop,
  SnapshotFrame,
  Wire,
} from "./wire.gen";

export type ClientFrame = Wire["client"];
export type ServerFrame = Wire["server"];

/** Frames that belong to one stream. */
export type StreamFrame =
  | EventFrame
  | PassingFrame
  | SnapshotFrame
  | Resumed
  | Resync
  | (ErrorFrame & { stream: string });

/** Requests that are answered by their `ref`; repeating one with the same `ref` does it once. */
export type RequestFrame = ChatSend | RunStop | CommandStop;

const STREAM_OPS = new Set(["event", "passing", "snapshot", "resumed", "resync"]);

export function isStreamFrame(frame: ServerFrame): frame is StreamFrame {
  return STREAM_OPS.has(frame.op) || (frame.op === "error" && frame.stream !== null);
}

/** The frames in one message. A line that cannot be read is skipped: a newer server may say more than we know. */
export function decode(message: string): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (const line of message.split("\n")) {
    if (line.trim() === "") continue;
    try {
      frames.push(JSON.parse(line) as ServerFrame);
    } catch {
      // See above.
    }
  }
  return frames;
}

export function encode(frames: readonly ClientFrame[]): string {
  return frames.map((frame) => JSON.stringify(frame)).join("\n");
}
