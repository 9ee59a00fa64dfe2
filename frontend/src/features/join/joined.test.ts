import { describe, expect, test } from "vitest";
import type { AgentView, FactState } from "../../live/wire.gen";
import { hasAnswered, joinedSince, stepsOf } from "./joined";

const NOW = Date.parse("2026-11-21T14:00:00.000Z");

function agent(id: string, registeredMs: number, states: FactState[]): AgentView {
  const [process, commands, consumer, work] = states.map((state) => ({ state, since: null, says: "" }));
  return {
    id,
    registered_at: new Date(registeredMs).toISOString(),
    presence: { process, commands, consumer, work },
  } as AgentView;
}

describe("who joined", () => {
  test("is the latest that registered after the token was made", () => {
    const agents = [agent("old", NOW - 60_000, []), agent("first", NOW + 1000, []), agent("second", NOW + 5000, [])];
    expect(joinedSince(agents, NOW)?.id).toBe("second");
    expect(joinedSince(agents.slice(0, 1), NOW)).toBeNull();
  });
});

describe("its strokes", () => {
  test("come one after the other, and one is waited for", () => {
    const steps = stepsOf(agent("a", NOW, ["holds", "holds", "unknown", "unknown"]));
    expect(steps.map(({ isDone, isNext }) => [isDone, isNext])).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [false, false],
    ]);
  });

  test("are four when free slots are known, though no run holds one", () => {
    expect(hasAnswered(agent("a", NOW, ["holds", "holds", "holds", "holds_not"]))).toBe(true);
    expect(hasAnswered(agent("a", NOW, ["holds", "holds", "holds", "unknown"]))).toBe(false);
    expect(hasAnswered(agent("a", NOW, ["holds_not", "holds", "holds", "holds"]))).toBe(false);
  });
});
