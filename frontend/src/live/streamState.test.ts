import { describe, expect, test } from "vitest";
import { conversation, eventFrame, LOG, piece, STREAM, snapshot, stateAfter, toolPiece } from "./samples";
import { newStream, reduce, type StreamState } from "./streamState";
import { isOver, runOf } from "./transcript";
import type { EventFrame } from "./wire.gen";

const EVENTS = LOG.map(eventFrame);
const WHOLE = conversation(stateAfter([snapshot(LOG.length)]));

/** A small deterministic generator, so that a failure can be repeated. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** A few events from anywhere in the log, sometimes backwards. */
function burst(random: () => number): EventFrame[] {
  const at = Math.floor(random() * EVENTS.length);
  const events = EVENTS.slice(at, at + 1 + Math.floor(random() * 4));
  return random() < 0.3 ? events.reverse() : events;
}

/** The state after an event, and after the server's answer if that event raised a question. */
function answered(state: StreamState, frame: EventFrame): StreamState {
  const step = reduce(state, frame);
  if (!step.ask) return step.state;
  const answer = { op: "resumed", stream: STREAM, epoch: "db-1", seq: step.state.seq } as const;
  return stateAfter([answer, ...EVENTS.slice(step.state.seq)], step.state);
}

describe("numbered events", () => {
  test("give the same transcript as a snapshot, wherever the snapshot was cut", () => {
    for (let cut = 0; cut <= LOG.length; cut += 1) {
      const state = stateAfter([snapshot(cut), ...EVENTS.slice(cut)]);
      expect(conversation(state).transcript).toEqual(WHOLE.transcript);
      expect(state.seq).toBe(LOG.length);
    }
  });

  test("are read as they were meant: the second attempt alone, the second run stopped", () => {
    const run = runOf(WHOLE.transcript, "run_1");
    expect(run).toMatchObject({ attempt: 2, text: "🎺🎷 done", agentName: "docs", error: null });
    expect(run?.tools.map((call) => [call.start.tool_call_id, call.result?.output])).toEqual([["tc_2", "a.txt"]]);
    expect(runOf(WHOLE.transcript, "run_2")).toMatchObject({ stop: { by: "admin" }, error: { reason: "stopped" } });
    expect(WHOLE.transcript.order).toEqual(["msg_1", "run_1", "msg_3", "run_2"]);
  });

  test("are ignored when they are known already", () => {
    for (let cut = 1; cut <= LOG.length; cut += 1) {
      const repeated = EVENTS.slice(0, cut).flatMap((frame) => [frame, frame]);
      const state = stateAfter([snapshot(0), ...repeated, ...EVENTS.slice(0, cut), ...EVENTS.slice(cut)]);
      expect(state.asking).toBe(false);
      expect(conversation(state).transcript).toEqual(WHOLE.transcript);
      expect(conversation(state).events).toHaveLength(LOG.length);
    }
  });

  test("are asked for once when one is missing, and nothing after the gap is applied", () => {
    for (let missing = 1; missing < LOG.length - 1; missing += 1) {
      let state = stateAfter([snapshot(0), ...EVENTS.slice(0, missing)]);
      const questions = EVENTS.slice(missing + 1).flatMap((frame) => {
        const step = reduce(state, frame);
        state = step.state;
        return step.ask ?? [];
      });
      expect(questions).toEqual(["since"]);
      expect(state.seq).toBe(missing);
      const resumed = stateAfter(
        [{ op: "resumed", stream: STREAM, epoch: "db-1", seq: missing }, ...EVENTS.slice(missing)],
        state,
      );
      expect(conversation(resumed).transcript).toEqual(WHOLE.transcript);
      expect(resumed.asking).toBe(false);
    }
  });

  test("give the whole transcript in the end, whatever is dropped, doubled and moved on the way", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = chance(seed);
      let state = stateAfter([snapshot(Math.floor(random() * LOG.length))]);
      for (let turn = 0; turn < 40; turn += 1) state = burst(random).reduce(answered, state);
      state = stateAfter(EVENTS.slice(state.seq), state);
      expect(conversation(state).transcript, `seed ${seed}`).toEqual(WHOLE.transcript);
    }
  });

  test("wait for the first snapshot", () => {
    const step = reduce(newStream(STREAM), eventFrame(LOG[4] as (typeof LOG)[number]));
    expect(step).toEqual({ state: newStream(STREAM), ask: null });
  });
});

describe("subscriptions", () => {
  test("begin again without `since` after a resync", () => {
    const step = reduce(stateAfter([snapshot(5)]), { op: "resync", stream: STREAM });
    expect(step.ask).toBe("fresh");
    expect(step.state.asking).toBe(true);
  });

  test("a snapshot of another epoch replaces everything", () => {
    const old = stateAfter([snapshot(9)]);
    const state = stateAfter([{ ...snapshot(3, 2), epoch: "db-2" }], old);
    expect(conversation(state).firstSeq).toBe(2);
    expect(conversation(state).events.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(state.epoch).toBe("db-2");
  });

  test("a snapshot keeps earlier pages that join it, and drops those that do not", () => {
    const joined = stateAfter([snapshot(6), snapshot(LOG.length, 7)]);
    expect(conversation(joined).transcript).toEqual(WHOLE.transcript);
    const apart = stateAfter([snapshot(4), snapshot(LOG.length, 7)]);
    expect(conversation(apart).firstSeq).toBe(7);
  });

  test("tell why they failed, and forget it with the next answer", () => {
    const problem = {
      type: "urn:muster:conversation_not_found",
      title: "No such conversation",
      status: 404,
      detail: "",
      reason: "conversation_not_found",
      hint: "",
      trace_id: "",
    } as const;
    const failed = stateAfter([{ op: "error", ref: null, stream: STREAM, problem }]);
    expect(failed.problem).toEqual(problem);
    expect(stateAfter([snapshot(2)], failed).problem).toBeNull();
  });
});

describe("passing text", () => {
  const started = stateAfter([snapshot(3)]);
  const draft = (state: StreamState) => conversation(state).drafts.run_1?.text.text;

  test("grows in code points, and repeated pieces change nothing", () => {
    const state = stateAfter([piece(0, "🎺"), piece(1, "🎷 a"), piece(0, "🎺🎷"), piece(4, "b")], started);
    expect(draft(state)).toBe("🎺🎷 ab");
  });

  test("a hole asks for a snapshot once, and the snapshot's draft goes on", () => {
    const first = reduce(started, piece(5, "late"));
    expect(first.ask).toBe("fresh");
    expect(reduce(first.state, piece(9, "later")).ask).toBeNull();
    const whole = snapshot(3, 1, [{ run_id: "run_1", attempt: 1, text: "🎺 here ", tools: [] }]);
    expect(draft(stateAfter([whole, piece(7, "it is")], first.state))).toBe("🎺 here it is");
  });

  test("of a higher attempt replaces what the earlier one wrote, and the earlier one is not heard again", () => {
    const state = stateAfter([piece(0, "first"), piece(0, "second", 2), piece(5, " more", 1)], started);
    expect(draft(state)).toBe("second");
    expect(conversation(state).drafts.run_1?.attempt).toBe(2);
  });

  test("and tool output of the first attempt go when the second begins", () => {
    const state = stateAfter([...EVENTS.slice(3, 4), piece(0, "first"), toolPiece(0, "output", "tc_1")], started);
    expect(conversation(state).drafts.run_1?.tools.tc_1?.text).toBe("output");
    const again = stateAfter(EVENTS.slice(4, 5), state);
    expect(conversation(again).drafts.run_1).toEqual({ attempt: 2, text: { text: "", points: 0 }, tools: {} });
    expect(runOf(conversation(again).transcript, "run_1")?.tools).toEqual([]);
  });

  test("is replaced by the final text, and pieces that come after it are not heard", () => {
    const state = stateAfter([...EVENTS.slice(3, 9), piece(0, "🎺🎷", 2), toolPiece(0, "late", "tc_2", 2)], started);
    expect(draft(state)).toBeUndefined();
    expect(runOf(conversation(state).transcript, "run_1")?.text).toBe("🎺🎷 done");
  });

  test("ends with the run", () => {
    const state = stateAfter([piece(0, "a"), ...EVENTS.slice(3, 10), piece(1, "b", 2)], started);
    expect(conversation(state).drafts).toEqual({});
    expect(isOver(WHOLE.transcript.entries.run_1 as never)).toBe(true);
  });
});
