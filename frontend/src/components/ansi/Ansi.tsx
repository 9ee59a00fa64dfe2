import clsx from "clsx";
import { memo } from "react";
import { stateColor } from "../../theme/states";
import classes from "./Ansi.module.css";
import { type Piece, parseAnsi } from "./parse";

/** A terminal's eight colours, from the four of code, the yellow of nobody, and the red of failure. */
const COLORS = [
  "var(--mu-t3)",
  stateColor.failed,
  "var(--mu-code-string)",
  "var(--mu-ansi-yellow)",
  "var(--mu-code-name)",
  "var(--mu-code-keyword)",
  "var(--mu-code-name)",
  "var(--mu-t1)",
];

function Styled({ piece }: { piece: Piece }) {
  const { bold, dim, italic, underline, color, text } = piece;
  if (!bold && !dim && !italic && !underline && color === null) return text;
  const names = clsx(
    bold && classes.bold,
    dim && classes.dim,
    italic && classes.italic,
    underline && classes.underline,
  );
  return (
    <span className={names} style={color === null ? undefined : { color: COLORS[color] }}>
      {text}
    </span>
  );
}

/** What a program wrote to a terminal, with its colours. */
export const Ansi = memo(function Ansi({ text }: { text: string }) {
  return parseAnsi(text).map((piece) => <Styled key={piece.at} piece={piece} />);
});
