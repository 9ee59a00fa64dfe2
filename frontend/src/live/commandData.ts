// What a page knows of one command: its targets, and each target's output in order. Pure.
import { type AppendOnly, appended, appendOnly, itemsOf, NOTHING } from "./appendOnly";
import type { CommandSnapshot, CommandView, Output, StoredCommandEvent, TargetView } from "./wire.gen";

export interface StoredOutput {
  seq: number;
  at: string;
  piece: Output;
}

export interface CommandData {
  kind: "command";
  command: CommandView;
  /** The first event that is known here; earlier ones by REST. */
  firstSeq: number;
  outputs: Record<string, AppendOnly<StoredOutput>>;
}

function withTarget(command: CommandView, target: TargetView): CommandView {
  const known = command.targets.some((other) => other.agent_id === target.agent_id);
  const targets = known
    ? command.targets.map((other) => (other.agent_id === target.agent_id ? target : other))
    : [...command.targets, target];
  return { ...command, targets };
}

function sorted(events: readonly StoredCommandEvent[]): Record<string, AppendOnly<StoredOutput>> {
  const outputs: Record<string, AppendOnly<StoredOutput>> = {};
  for (const { seq, at, event } of events) {
    if (event.kind !== "OUTPUT") continue;
    outputs[event.agent_id] = appended(outputs[event.agent_id] ?? NOTHING, { seq, at, piece: event });
  }
  return outputs;
}

function joined(
  earlier: Record<string, AppendOnly<StoredOutput>>,
  later: Record<string, AppendOnly<StoredOutput>>,
  before: number,
): Record<string, AppendOnly<StoredOutput>> {
  const all: Record<string, AppendOnly<StoredOutput>> = {};
  for (const agent of new Set([...Object.keys(earlier), ...Object.keys(later)])) {
    const first = itemsOf(earlier[agent] ?? NOTHING).filter((output) => output.seq < before);
    all[agent] = appendOnly([...first, ...itemsOf(later[agent] ?? NOTHING)]);
  }
  return all;
}

/** A snapshot replaces what is known, but earlier output that joins it without a gap stays. */
export function commandFrom(snapshot: CommandSnapshot, before: CommandData | null, lastSeq: number): CommandData {
  const outputs = sorted(snapshot.events);
  const joins = before !== null && before.firstSeq < snapshot.first_seq && lastSeq >= snapshot.first_seq - 1;
  if (!joins) return { kind: "command", command: snapshot.command, firstSeq: snapshot.first_seq, outputs };
  return {
    kind: "command",
    command: snapshot.command,
    firstSeq: before.firstSeq,
    outputs: joined(before.outputs, outputs, snapshot.first_seq),
  };
}

/** Output that a page of history brought, put before what is known. `after` is where that page began. */
export function withEarlierOutput(data: CommandData, page: readonly StoredCommandEvent[], after: number): CommandData {
  const earlier = page.filter((stored) => stored.seq < data.firstSeq);
  return { ...data, firstSeq: after + 1, outputs: joined(sorted(earlier), data.outputs, data.firstSeq) };
}

export function withCommandEvent(data: CommandData, { seq, at, event }: StoredCommandEvent): CommandData {
  if (event.kind === "TARGET_CHANGED") return { ...data, command: withTarget(data.command, event.target) };
  const list = data.outputs[event.agent_id] ?? NOTHING;
  const outputs = { ...data.outputs, [event.agent_id]: appended(list, { seq, at, piece: event }) };
  return { ...data, outputs };
}
