import { describe, expect, test } from "vitest";
import { ago, duration, left, precise, rough } from "./duration";
import { absolute, clockTime, dayTime, epochMs, exactTime, zoneName } from "./moment";
import { counted, firstLine, initials, inWords, shortId } from "./words";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

describe("lengths of time", () => {
  test.each([
    [0, "0 ms"],
    [41.4, "41 ms"],
    [999.4, "999 ms"],
    [2_940, "2.9 s"],
    [9_999, "9.9 s"],
    [10_000, "10 s"],
    [59_999, "59 s"],
    [134_000, "2 m 14 s"],
    [6 * H + 3 * M, "6 h 03 m"],
    [6 * D + 3 * H, "6 d 3 h"],
    [-5, "0 ms"],
  ])("%d ms took %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test("ages are precise or rough, and never negative", () => {
    expect([8 * S, 134 * S, 2 * H + 6 * M].map(precise)).toEqual(["8 s", "2 m 14 s", "2 h 06 m"]);
    expect([8 * S, 134 * S, 2 * H + 6 * M, 49 * H].map(rough)).toEqual(["8 s", "2 m", "2 h", "2 d"]);
    expect([precise(-3000), rough(-3000)]).toEqual(["0 s", "0 s"]);
    expect([ago(0), ago(4 * M)]).toEqual(["now", "4 m ago"]);
  });

  test("what is left is rounded up, so that it is never none too early", () => {
    expect([58 * M, 57 * M + 1, 41_200, 1, 0, -5].map(left)).toEqual([
      "58 min",
      "58 min",
      "42 s",
      "1 s",
      "none",
      "none",
    ]);
  });
});

describe("moments", () => {
  const at = Date.UTC(2026, 10, 21, 14, 6, 27, 204);

  test("are written in UTC when that was chosen", () => {
    expect(clockTime(at, "utc")).toBe("14:06:27");
    expect(exactTime(at, "utc")).toBe("14:06:27.204");
    expect(absolute(at, "utc")).toBe("2026-11-21 14:06:27.204 UTC");
    expect(zoneName(at, "utc")).toBe("UTC");
  });

  test("name their day when it is not today", () => {
    expect(dayTime(at, at + H, "utc")).toBe("14:06");
    expect(dayTime(at, at + D, "utc")).toBe("21 Nov 14:06");
    expect(dayTime(at, at + 200 * D, "utc")).toBe("21 Nov 2026");
  });

  test("that cannot be read are the beginning of time, not NaN", () => {
    expect(epochMs("nonsense")).toBe(0);
    expect(epochMs("2026-11-21T14:06:27.204Z")).toBe(at);
  });
});

test("words", () => {
  expect([inWords(0), inWords(2), inWords(14)]).toEqual(["No", "Two", "14"]);
  expect([counted(1, "agent"), counted(1200, "agent"), counted(2, "process", "processes")]).toEqual([
    "1 agent",
    "1,200 agents",
    "2 processes",
  ]);
  expect(shortId("agt_01J9ZKABCDEFGHJKMNPQRS84T")).toBe("agt_01J9ZK…84T");
  expect([initials("admin"), initials("Ada Lovelace"), initials("  ")]).toEqual(["AD", "AL", "?"]);
  expect(firstLine("\n  one\ntwo")).toBe("one");
});
