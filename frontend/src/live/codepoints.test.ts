import { describe, expect, test } from "vitest";
import { cut, EMPTY, growing, indexOf, length, placed } from "./codepoints";

const TEXTS = ["", "plain", "é", "🎺", "a🎺b", "👩‍👩‍👧 family", "𝕄𝕦𝕤𝕥𝕖𝕣", "日本語🗾", "\ud83c", "x\udfb7y"];

describe("code points", () => {
  test.each(TEXTS)("are counted as Array.from counts them: %j", (text) => {
    expect(length(text)).toBe(Array.from(text).length);
  });

  test.each(TEXTS)("are found at every position of %j", (text) => {
    const points = Array.from(text);
    for (let count = 0; count <= points.length + 2; count += 1) {
      expect(text.slice(0, indexOf(text, count))).toBe(points.slice(0, count).join(""));
    }
  });

  test("a text is cut between them, never inside one", () => {
    expect(cut("a🎺b🎺c", [2, 4])).toEqual(["a🎺", "b🎺", "c"]);
    expect(cut("abc", [])).toEqual(["abc"]);
    expect(cut("abc", [0, 9])).toEqual(["", "abc", ""]);
    expect(cut("abc", [2, 1])).toEqual(["ab", "", "c"]);
  });
});

describe("a piece at an offset", () => {
  const have = growing("a🎺");

  test("is appended when it begins at the end", () => {
    expect(placed(have, 2, "b🎷")).toEqual({ text: "a🎺b🎷", points: 4 });
  });

  test("is ignored where it says what is known", () => {
    expect(placed(have, 0, "a")).toBe(have);
    expect(placed(have, 0, "a🎺")).toBe(have);
  });

  test("adds only what is new when it overlaps", () => {
    expect(placed(have, 1, "🎺b")).toEqual({ text: "a🎺b", points: 3 });
  });

  test("is refused when pieces before it are missing", () => {
    expect(placed(have, 3, "c")).toBeNull();
    expect(placed(EMPTY, 1, "c")).toBeNull();
  });

  test("gives the whole text however it was cut, repeated and overlapped", () => {
    const whole = "one 🎺 two 🎷 three 🥁 – and a tail";
    const points = Array.from(whole);
    for (let size = 1; size <= points.length; size += 1) {
      let text = EMPTY;
      for (let at = 0; at < points.length; at += size) {
        const from = Math.max(0, at - 1);
        const piece = points.slice(from, at + size).join("");
        text = placed(text, from, piece) ?? text;
        text = placed(text, from, piece) ?? text;
      }
      expect(text).toEqual(growing(whole));
    }
  });
});
