import { renderHook } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { AgentView } from "../../live/wire.gen";
import { STATE_ORDER } from "../../theme/states";
import { agent } from "./agentForTests";
import { news, newsText, sorted } from "./order";
import { fleetSearch } from "./search";
import { useHeld } from "./useHeld";

const names = (agents: AgentView[]) => agents.map(({ description }) => description.name);

describe("the order", () => {
  test("begins with those that need somebody", () => {
    const fleet = [...STATE_ORDER].reverse().map((state) => agent(state, { state }));
    expect(names(sorted(fleet, "state"))).toEqual([...STATE_ORDER]);
  });

  test("counts in names as people do", () => {
    expect(names(sorted([agent("a-10"), agent("a-9"), agent("b-1")], "name"))).toEqual(["a-9", "a-10", "b-1"]);
  });

  test("can begin with what changed last", () => {
    const old = agent("old", { since: "2026-11-21T13:00:00.000Z" });
    expect(names(sorted([old, agent("new")], "changed"))).toEqual(["new", "old"]);
  });
});

describe("news", () => {
  test.each([
    [["a", "b"], ["a", "b"], null],
    [["a", "b"], ["a", "b", "c", "d"], "2 agents joined"],
    [["a", "b"], ["b"], "1 agent left"],
    [["a", "b"], ["c", "b"], "1 agent joined, 1 left"],
    [["a", "b"], ["b", "a"], "order changed"],
  ])("from %j to %j: %s", (shown, wanted, text) => {
    const found = news(shown, wanted);
    expect(found && newsText(found)).toBe(text);
  });
});

describe("while somebody reads", () => {
  const [a, b, c] = [agent("a"), agent("b"), agent("c")];

  function held(start: AgentView[], isHeld: boolean, key = "k") {
    return renderHook(({ agents, inside, name }) => useHeld(agents, name, inside), {
      initialProps: { agents: start, inside: isHeld, name: key },
    });
  }

  test("nothing moves, text changes in place, and news wait", () => {
    const hook = held([a, b], true);
    const changed = { ...b, last_line: "new" };
    hook.rerender({ agents: [c, changed, a], inside: true, name: "k" });
    expect(names(hook.result.current.agents)).toEqual(["a", "b"]);
    expect(hook.result.current.agents[1]?.last_line).toBe("new");
    expect(hook.result.current.news).toEqual({ joined: 1, left: 0, moved: true });
  });

  test("who left stays as it was last seen", () => {
    const hook = held([a, b], true);
    hook.rerender({ agents: [b], inside: true, name: "k" });
    expect(names(hook.result.current.agents)).toEqual(["a", "b"]);
    hook.rerender({ agents: [b], inside: false, name: "k" });
    expect(names(hook.result.current.agents)).toEqual(["b"]);
    expect(hook.result.current.news).toBeNull();
  });

  test("another filter applies at once", () => {
    const hook = held([a, b], true);
    hook.rerender({ agents: [c], inside: true, name: "other" });
    expect(names(hook.result.current.agents)).toEqual(["c"]);
  });
});

test("what cannot be read in the address bar is left out", () => {
  expect(fleetSearch({ q: 12, sort: "nonsense", view: "circle" })).toEqual({ q: "12" });
  expect(fleetSearch({ q: "", sort: "name", view: "table", other: 1 })).toEqual({ sort: "name", view: "table" });
});
