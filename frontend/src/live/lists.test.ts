import { describe, expect, test } from "vitest";
import { appended, appendOnly, itemsOf, NOTHING } from "./appendOnly";
import { commandFrom, withCommandEvent, withEarlierOutput } from "./commandData";
import { BEATS_KEPT, fleetFrom, withFleetEvent } from "./lists";
import type { AgentView, CommandSnapshot, CommandView, StoredCommandEvent, TargetView } from "./wire.gen";

const AT = "2026-11-21T14:06:31.204Z";
const agent = (id: string, beats: number[] = []) => ({ id, beats, last_heard: null }) as unknown as AgentView;

describe("the fleet", () => {
  const data = fleetFrom({ kind: "fleet", agents: [agent("a", [1]), agent("b")] });

  test("takes beats of those it knows, and hears them at that time", () => {
    const next = withFleetEvent(data, { at: AT, event: { kind: "BEATS", beats: { a: 40, b: -1, c: 9 } } });
    expect(next.agents.a).toMatchObject({ beats: [1, 40], last_heard: AT });
    expect(next.agents.b).toMatchObject({ beats: [-1], last_heard: null });
    expect(Object.keys(next.agents)).toEqual(["a", "b"]);
    expect(data.agents.a?.beats).toEqual([1]);
  });

  test("keeps no more beats than are drawn", () => {
    let next = data;
    for (let beat = 0; beat < BEATS_KEPT + 20; beat += 1) {
      next = withFleetEvent(next, { at: AT, event: { kind: "BEATS", beats: { a: beat } } });
    }
    expect(next.agents.a?.beats).toHaveLength(BEATS_KEPT);
    expect(next.agents.a?.beats.at(-1)).toBe(BEATS_KEPT + 19);
  });

  test("changes and loses agents one by one", () => {
    const changed = withFleetEvent(data, { at: AT, event: { kind: "AGENT_CHANGED", agent: agent("a", [7]) } });
    expect(changed.agents.a?.beats).toEqual([7]);
    expect(changed.agents.b).toBe(data.agents.b);
    const removed = withFleetEvent(changed, { at: AT, event: { kind: "AGENT_REMOVED", agent_id: "a" } });
    expect(Object.keys(removed.agents)).toEqual(["b"]);
  });
});

describe("a list that only grows", () => {
  test("is shared by states that each know their part", () => {
    const one = appended(appendOnly<string>([]), "a");
    const two = appended(one, "b");
    const other = appended(one, "c");
    expect(itemsOf(one)).toEqual(["a"]);
    expect(itemsOf(two)).toEqual(["a", "b"]);
    expect(itemsOf(other)).toEqual(["a", "c"]);
    expect(itemsOf(two, 1)).toEqual(["b"]);
    expect(itemsOf(appended(NOTHING as ReturnType<typeof appendOnly<string>>, "x"))).toEqual(["x"]);
    expect(NOTHING.items).toEqual([]);
  });
});

describe("a command", () => {
  const target = (state: TargetView["state"]) => ({ agent_id: "agt_1", state }) as TargetView;
  const command = { id: "cmd_1", targets: [target("stored")] } as unknown as CommandView;
  const output = (seq: number, agentId = "agt_1"): StoredCommandEvent => ({
    seq,
    at: AT,
    event: { kind: "OUTPUT", agent_id: agentId, stream: "stdout", offset: 0, text: `${seq} `, dropped: 0 },
  });
  const start = (first: number, last: number): CommandSnapshot => ({
    command,
    first_seq: first,
    events: Array.from({ length: last - first + 1 }, (_, index) => output(first + index)),
  });
  const text = (data: ReturnType<typeof commandFrom>, agentId = "agt_1") =>
    itemsOf(data.outputs[agentId] ?? NOTHING)
      .map(({ piece }) => piece.text)
      .join("");

  test("keeps each target's output apart and in order", () => {
    const data = [output(3), output(4, "agt_2"), output(5)].reduce(withCommandEvent, commandFrom(start(1, 2), null, 0));
    expect(text(data)).toBe("1 2 3 5 ");
    expect(text(data, "agt_2")).toBe("4 ");
  });

  test("takes what its targets say of themselves", () => {
    const event = { kind: "TARGET_CHANGED", target: target("running") } as const;
    const data = withCommandEvent(commandFrom(start(1, 1), null, 0), { seq: 2, at: AT, event });
    expect(data.command.targets).toEqual([target("running")]);
  });

  test("keeps earlier output over a new snapshot if nothing is missing between", () => {
    const before = commandFrom(start(1, 6), null, 0);
    expect(text(commandFrom(start(4, 9), before, 6))).toBe("1 2 3 4 5 6 7 8 9 ");
    expect(text(commandFrom(start(9, 10), before, 6))).toBe("9 10 ");
  });

  test("puts a page of earlier output before what it has", () => {
    const data = withEarlierOutput(commandFrom(start(5, 6), null, 0), [output(3), output(4), output(5)], 2);
    expect(text(data)).toBe("3 4 5 6 ");
    expect(data.firstSeq).toBe(3);
  });
});
