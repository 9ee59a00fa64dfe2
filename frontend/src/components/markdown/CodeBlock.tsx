import { ScrollBox } from "../page/ScrollBox";
import { CopyIcon } from "../text/CopyIcon";
import classes from "./Code.module.css";
import { HighlightedCode } from "./HighlightedCode";

/** Code with its language and a way to copy it. */
export function CodeBlock({ code, language }: { code: string; language: string }) {
  return (
    <div className={classes.block} data-code>
      <div className={classes.corner}>
        <span>{language}</span>
        <CopyIcon text={code} what="the code" />
      </div>
      <ScrollBox label={language ? `${language} code` : "code"} className={classes.code}>
        <pre>
          <HighlightedCode code={code} language={language} />
        </pre>
      </ScrollBox>
    </div>
  );
}
