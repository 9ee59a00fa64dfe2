import { memo, useState } from "react";
import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";
import remend from "remend";
import { type Blocks, blocksOf } from "./blocks";
import classes from "./Markdown.module.css";
import { PARTS } from "./parts";
import { safeUrl } from "./safeUrl";

const PLUGINS = [remarkGfm];

/** One block. Raw HTML stays text, links keep only harmless schemes, pictures are not fetched. */
const Block = memo(function Block({ text }: { text: string }) {
  return (
    <div className={classes.block}>
      <ReactMarkdown remarkPlugins={PLUGINS} urlTransform={safeUrl} components={PARTS}>
        {text}
      </ReactMarkdown>
    </div>
  );
});

function useBlocks(text: string): Blocks {
  const [blocks, setBlocks] = useState(() => blocksOf(text));
  if (blocks.text === text) return blocks;
  const next = blocksOf(text, blocks);
  setBlocks(next);
  return next;
}

interface Props {
  text: string;
  /** It is still being written: what is open at its end is closed for now, and a caret stands there. */
  isWriting?: boolean;
}

/** An agent's text. */
export function Markdown({ text, isWriting = false }: Props) {
  const { done, from } = useBlocks(text);
  const tail = text.slice(from);
  return (
    <div className={classes.prose} data-writing={isWriting || undefined}>
      {done.map((block, index) => (
        // Finished blocks never change and never change places.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <Block key={index} text={block} />
      ))}
      <Block key={done.length} text={isWriting ? remend(tail) : tail} />
    </div>
  );
}
