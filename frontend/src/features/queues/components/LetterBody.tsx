import { HighlightedCode } from "../../../components/markdown/HighlightedCode";
import { ScrollBox } from "../../../components/page/ScrollBox";
import { CopyIcon } from "../../../components/text/CopyIcon";
import type { DeadLetterDetail } from "../../../live/wire.gen";
import { indented } from "../json";
import classes from "./Letter.module.css";

/** The content; JSON on lines of its own, in four colours. */
export function LetterBody({ detail: { body, body_complete: isComplete, letter } }: { detail: DeadLetterDetail }) {
  const text = indented(body);
  return (
    <section className={classes.body}>
      <h3>
        Body
        {letter.edited && <span>edited</span>}
        <CopyIcon text={body} what="the body" />
      </h3>
      {!isComplete && (
        <p>It is no text, or only its beginning is shown: it can be sent again or dropped, not edited.</p>
      )}
      {body === "" ? (
        <p>It is empty.</p>
      ) : (
        <ScrollBox label="Body" className={classes.code}>
          <pre data-testid="letter-body">
            <HighlightedCode code={text} language={text === body && !/^\s*[{[]/.test(body) ? "" : "json"} />
          </pre>
        </ScrollBox>
      )}
    </section>
  );
}
