// Text that is being written is cut into its top-level blocks: those that are finished are parsed once, and only the
// last one again with every piece that arrives.
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import { unified } from "unified";

export interface Blocks {
  text: string;
  /** Finished blocks, in order. */
  done: string[];
  /** Where the last, unfinished block begins. */
  from: number;
}

const parser = unified().use(remarkParse).use(remarkGfm);

/** Definitions and footnotes tie blocks together: such a text is one block. */
const TIED = /^ {0,3}\[[^\]\n]+\]:/m;

const NOTHING: Blocks = { text: "", done: [], from: 0 };

/** The blocks of `text`, given those of an earlier state of it. */
export function blocksOf(text: string, before: Blocks = NOTHING): Blocks {
  if (TIED.test(text)) return { text, done: [], from: 0 };
  const known = text.startsWith(before.text) ? before : NOTHING;
  const tail = text.slice(known.from);
  const { children } = parser.parse(tail);
  const starts = children.map((node) => node.position?.start.offset ?? 0);
  const last = starts[starts.length - 1] ?? 0;
  const finished = starts.slice(0, -1).map((start, index) => tail.slice(start, starts[index + 1] ?? last));
  return { text, done: finished.length > 0 ? [...known.done, ...finished] : known.done, from: known.from + last };
}
