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
  const { done, open } = useBlocks(text);
  const all = [...done, ...open];
  const last = all.length - 1;
  return (
    <div className={classes.prose} data-writing={isWriting || undefined}>
      {all.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks never change places
        <Block key={index} text={isWriting && index === last ? remend(block) : block} />
      ))}
    </div>
  );
}
