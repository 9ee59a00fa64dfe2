import { expect, test } from "vitest";
import { type Blocks, blocksOf } from "./blocks";

const TEXT = [
  "# A title",
  "A paragraph\nin two lines 🎺.",
  "- one\n- two\n\n  still two\n- three",
  "```python\n# not a title\n\nx = 1\n```",
  "| a | b |\n| --- | --- |\n| 1 | 2 |",
  "> quoted\n> twice",
  "1. first\n\n2. second",
  "The end.",
].join("\n\n");

const whole = ({ done, open }: Blocks): string[] => [...done, ...open];

test("the pieces of a text are the text", () => {
  expect(whole(blocksOf(TEXT)).join("")).toBe(TEXT);
  expect(whole(blocksOf(TEXT))).toHaveLength(8);
});

test("a text that grew has the blocks of the text, however it came", () => {
  const expected = whole(blocksOf(TEXT));
  for (const step of [1, 2, 3, 7, 31, 64]) {
    let blocks = blocksOf("");
    for (let length = step; length < TEXT.length + step; length += step) {
      blocks = blocksOf(TEXT.slice(0, length), blocks);
    }
    expect(whole(blocks)).toEqual(expected);
  }
});

test("finished blocks stay the same strings, so that they are not rendered again", () => {
  const before = blocksOf(TEXT.slice(0, 200));
  const after = blocksOf(TEXT, before);
  expect(after.done.slice(0, before.done.length)).toEqual(before.done);
});

test("a text that is not the old one grown begins again", () => {
  expect(blocksOf("b\n\nc", blocksOf("a\n\nb"))).toEqual(blocksOf("b\n\nc"));
});

test("definitions tie a text together", () => {
  expect(blocksOf("[a][1]\n\nb\n\n[1]: https://example.org").done).toEqual([]);
});
