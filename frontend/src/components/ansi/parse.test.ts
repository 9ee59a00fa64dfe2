import { expect, test } from "vitest";
import { parseAnsi, plainText } from "./parse";

const ESC = "\u001b";
const styles = (text: string) => parseAnsi(text).map(({ text: piece, color, bold }) => [piece, color, bold]);

test("colours and weight begin and end where the terminal says", () => {
  expect(styles(`a${ESC}[1;31mb${ESC}[0mc${ESC}[92md${ESC}[39me`)).toEqual([
    ["a", null, false],
    ["b", 1, true],
    ["c", null, false],
    ["d", 2, false],
    ["e", null, false],
  ]);
});

test("of 256 colours the first sixteen are the usual ones, and what follows is still read", () => {
  expect(styles(`${ESC}[38;5;9;1ma${ESC}[38;2;1;2;3mb`)).toEqual([
    ["a", 1, true],
    ["b", null, true],
  ]);
});

test("what a terminal would obey is not shown", () => {
  expect(plainText(`${ESC}]0;title\u0007a${ESC}[2K${ESC}[1;1Hb${ESC}(Bc\u0008\u0000`)).toBe(
    "ab(Bc".replace("(B", "(B"),
  );
  expect(plainText(`${ESC}]8;;https://example.org${ESC}\\link${ESC}]8;;${ESC}\\`)).toBe("link");
});

test("a line that was overwritten shows what was written last", () => {
  expect(plainText("10 %\r50 %\rdone\nnext\r\n")).toBe("done\nnext\n");
});

test("half a sequence at the end does no harm", () => {
  expect(plainText(`a${ESC}`)).toBe("a");
  expect(plainText(`a${ESC}[`)).toBe("a[");
});
