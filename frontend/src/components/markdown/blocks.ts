// Text that is being written is cut into its top-level blocks: those that are finished are parsed once, and only the
// end again with every piece that arrives. The last two blocks are the end: while "2" may become "2. second", the list
// before it is not finished.
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import { unified } from "unified";

export interface Blocks {
  text: string;
  /** Finished blocks, in order. */
  done: string[];
  /** Where the end begins, and its blocks. */
  from: number;
  open: string[];
}

const parser = unified().use(remarkParse).use(remarkGfm);

/** Definitions and footnotes tie blocks together: such a text is one block. */
const TIED = /^ {0,3}\[[^\]\n]+\]:/m;

/** Blocks at the end that the next characters may change. */
const UNFINISHED = 2;

const NOTHING: Blocks = { text: "", done: [], from: 0, open: [] };

function cutInto(text: string): string[] {
  const { children } = parser.parse(text);
  const starts = children.map((node) => node.position?.start.offset ?? 0);
  starts[0] = 0;
  return starts.map((start, index) => text.slice(start, starts[index + 1] ?? text.length));
}

/** The blocks of `text`, given those of an earlier state of it. */
export function blocksOf(text: string, before: Blocks = NOTHING): Blocks {
  if (TIED.test(text)) return { text, done: [], from: 0, open: [text] };
  const known = text.startsWith(before.text) ? before : NOTHING;
  const blocks = cutInto(text.slice(known.from));
  const open = blocks.slice(-UNFINISHED);
  const finished = blocks.slice(0, -UNFINISHED);
  const from = text.length - open.reduce((sum, block) => sum + block.length, 0);
  return { text, done: finished.length > 0 ? [...known.done, ...finished] : known.done, from, open };
}
