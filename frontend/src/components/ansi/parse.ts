// Colours of a terminal in plain text: SGR sequences become pieces with a style, everything else that a terminal
// would obey is dropped. For finished tool output; the console has a whole terminal.

export interface Style {
  /** 0 to 7, or null for the text's own colour. */
  color: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

export interface Piece extends Style {
  text: string;
  /** Where it stands in the source. */
  at: number;
}

const PLAIN: Style = { color: null, bold: false, dim: false, italic: false, underline: false };

const ESC = String.fromCharCode(27);
const BEL = String.fromCharCode(7);
/** CSI sequences, OSC strings, and other two-character escapes. */
const SEQUENCE = new RegExp(
  `${ESC}(?:\\[([0-9;:?]*)([@-~])|\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)?|[@-Z\\\\^_])`,
  "g",
);
/** Control characters other than tab and newline. */
const CONTROL = /(?![\t\n])\p{Cc}/gu;

const SWITCHES: Record<number, Partial<Style>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  39: { color: null },
};

function colorOf(code: number): number | null {
  if (code >= 30 && code <= 37) return code - 30;
  return code >= 90 && code <= 97 ? code - 90 : null;
}

/** 38;5;n: the first 16 of 256 colours are the usual ones, others keep the text's own. */
function extendedColor(codes: number[], at: number): { color: number | null; used: number } {
  if (codes[at + 1] === 5) {
    const number = codes[at + 2] ?? 0;
    return { color: number < 16 ? number % 8 : null, used: 2 };
  }
  return { color: null, used: codes[at + 1] === 2 ? 4 : 1 };
}

function styled(style: Style, parameters: string): Style {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let next = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) next = PLAIN;
    else if (code === 38) {
      const { color, used } = extendedColor(codes, at);
      next = { ...next, color };
      at += used;
    } else if (SWITCHES[code]) next = { ...next, ...SWITCHES[code] };
    else if (colorOf(code) !== null) next = { ...next, color: colorOf(code) };
  }
  return next;
}

/** A carriage return begins the line again, as progress bars do: what it overwrote is gone. */
function withoutOverwritten(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.slice(line.replace(/\r+$/, "").lastIndexOf("\r") + 1))
    .join("\n");
}

export function parseAnsi(text: string): Piece[] {
  const source = withoutOverwritten(text);
  const pieces: Piece[] = [];
  let style = PLAIN;
  let from = 0;
  const add = (piece: string, at: number) => {
    const clean = piece.replace(CONTROL, "");
    if (clean) pieces.push({ ...style, text: clean, at });
  };
  for (const match of source.matchAll(SEQUENCE)) {
    add(source.slice(from, match.index), from);
    if (match[2] === "m") style = styled(style, match[1] ?? "");
    from = match.index + match[0].length;
  }
  add(source.slice(from), from);
  return pieces;
}

/** The text alone. */
export function plainText(text: string): string {
  return parseAnsi(text)
    .map((piece) => piece.text)
    .join("");
}
