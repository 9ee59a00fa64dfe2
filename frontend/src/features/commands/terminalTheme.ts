import type { ITheme } from "@xterm/xterm";
import { type Scheme, tokens } from "../../theme/tokens";

/** A terminal's sixteen colours: the four of code, the red of failure, a yellow that is nobody's, and ink. */
export function terminalTheme(scheme: Scheme): ITheme {
  const t = tokens[scheme];
  const eight = {
    black: t.t3,
    red: t["state-failed"],
    green: t["code-string"],
    yellow: t["ansi-yellow"],
    blue: t["code-name"],
    magenta: t["code-keyword"],
    cyan: t["code-name"],
    white: t.t1,
  };
  const bright = Object.entries(eight).map(([name, color]) => [
    `bright${name[0]?.toUpperCase()}${name.slice(1)}`,
    color,
  ]);
  return {
    ...eight,
    ...Object.fromEntries(bright),
    background: t.sunk,
    foreground: t.t1,
    cursor: t.sunk,
    selectionBackground: scheme === "dark" ? "#3a4046" : "#d0ccc2",
  };
}
