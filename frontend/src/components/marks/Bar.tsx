import type { Stroke } from "../tally/strokes";
import classes from "./marks.module.css";

/** One upright stroke beside what it stands for. */
export function Bar({ mark, color }: { mark: Stroke; color: string }) {
  return (
    <i className={classes.bar} data-mark={mark} style={{ "--tone": color } as React.CSSProperties} aria-hidden="true" />
  );
}
