import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";
import type { FactState } from "../../live/wire.gen";
import { STATE_ORDER } from "../../theme/states";
import { barWidth, strokeCount } from "./share";
import { signLabel, signOf } from "./strokes";
import { Tally } from "./Tally";

afterEach(cleanup);

const fact = (state: FactState) => ({ state, since: null, says: "" });
const facts = (process: FactState, commands: FactState, consumer: FactState, work: FactState) => ({
  process: fact(process),
  commands: fact(commands),
  consumer: fact(consumer),
  work: fact(work),
});

describe("the sign", () => {
  test("has the strokes of the table where no facts are at hand", () => {
    const short = { full: "F", stub: "s", dashed: "D", breathing: "B" };
    const signs = STATE_ORDER.map((state) => [
      state,
      signOf(state)
        .strokes.map((stroke) => short[stroke])
        .join(""),
    ]);
    expect(Object.fromEntries(signs)).toEqual({
      waiting: "FFFF",
      quarantined: "DDDD",
      failed: "FFFF",
      lost: "ssss",
      suspect: "DDDD",
      busy: "FFFB",
      draining: "FFsB",
      paused: "FFss",
      idle: "FFFs",
    });
  });

  test("follows the facts where they differ from the table", () => {
    const { strokes } = signOf("busy", facts("holds", "holds_not", "unknown", "holds"));
    expect(strokes).toEqual(["full", "stub", "dashed", "breathing"]);
  });

  test("has the slash for a person alone, is struck for a failure and barred for a quarantine alone", () => {
    expect(STATE_ORDER.filter((state) => signOf(state).slash)).toEqual(["waiting"]);
    expect(STATE_ORDER.filter((state) => signOf(state).struck)).toEqual(["failed"]);
    expect(STATE_ORDER.filter((state) => signOf(state).barred)).toEqual(["quarantined"]);
  });
});

describe("in words", () => {
  test.each(STATE_ORDER)("%s is told by its word and its reason", (state) => {
    render(<Tally state={state} reason="because" />);
    expect(screen.getByRole("img", { name: signLabel(state, "because") })).toBeTruthy();
  });

  test("a person is not called waiting", () => {
    expect(signLabel("waiting")).toBe("needs you");
    expect(signLabel("lost", "last heard 42 s ago")).toBe("lost, last heard 42 s ago");
  });

  test("a sign beside its word is silent", () => {
    const { container } = render(<Tally state="idle" silent />);
    expect(container.querySelector("svg")?.getAttribute("aria-hidden")).toBe("true");
    expect(screen.queryByRole("img")).toBeNull();
  });

  test("is drawn with four strokes, whatever the state", () => {
    for (const state of STATE_ORDER) {
      const { container } = render(<Tally state={state} />);
      const extra = state === "waiting" || state === "failed" ? 2 : state === "quarantined" ? 1 : 0;
      expect(container.querySelectorAll("path")).toHaveLength(4 + extra);
      cleanup();
    }
  });
});

describe("the roll call", () => {
  test("is one stroke an agent up to 200, then a share, then bars", () => {
    expect(strokeCount(13, 38)).toBe(13);
    expect(strokeCount(1, 1000)).toBe(1);
    expect(strokeCount(500, 1000)).toBe(60);
    expect(strokeCount(0, 1000)).toBe(0);
    expect(barWidth(500, 1000)).toBeNull();
    expect(barWidth(1000, 4000)).toBe(210);
    expect(barWidth(1, 40_000)).toBe(3);
  });
});
