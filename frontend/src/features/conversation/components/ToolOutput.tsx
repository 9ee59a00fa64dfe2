import { useEffect, useRef } from "react";
import { Ansi } from "../../../components/ansi/Ansi";
import { plainText } from "../../../components/ansi/parse";
import { HighlightedCode } from "../../../components/markdown/HighlightedCode";
import { Markdown } from "../../../components/markdown/Markdown";
import { ScrollBox } from "../../../components/page/ScrollBox";
import { CopyIcon } from "../../../components/text/CopyIcon";
import type { ToolCall } from "../../../live/transcript";
import classes from "./ToolCard.module.css";

function Body({ call, text }: { call: ToolCall; text: string }) {
  const { result } = call;
  if (result?.media === "markdown") {
    return (
      <div className={classes.markdown}>
        <Markdown text={text} />
      </div>
    );
  }
  return (
    <ScrollBox label="output" className={classes.output}>
      <pre data-testid="tool-output">
        {result?.media === "code" ? <HighlightedCode code={text} language={result.language} /> : <Ansi text={text} />}
      </pre>
    </ScrollBox>
  );
}

/** What a tool wrote: as it comes while it runs, then what is kept of it. */
export function ToolOutput({ call, live }: { call: ToolCall; live: string }) {
  const { result } = call;
  const text = result?.output ?? live;
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows the end with every piece that comes
  useEffect(() => {
    const output = box.current?.querySelector("section");
    if (!result && output) output.scrollTop = output.scrollHeight;
  }, [text, result]);
  return (
    <div ref={box} className={classes.box}>
      <Body call={call} text={text} />
      <div className={classes.copy}>
        <CopyIcon text={plainText(text)} what="the output" />
      </div>
      {result !== null && result.truncated > 0 && (
        <p className={classes.cut}>{result.truncated.toLocaleString("en-US")} characters are left out</p>
      )}
    </div>
  );
}
