// Offsets on the wire count code points; JavaScript's strings count UTF-16 units, two for an astral character.

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** How many code points `text` has. */
export function length(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    if (isHighSurrogate(text.charCodeAt(index)) && isLowSurrogate(text.charCodeAt(index + 1))) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

/** The UTF-16 index at which the code point number `points` begins; the end of `text` if it has fewer. */
export function indexOf(text: string, points: number): number {
  let index = 0;
  for (let seen = 0; seen < points && index < text.length; seen += 1) {
    const pair = isHighSurrogate(text.charCodeAt(index)) && isLowSurrogate(text.charCodeAt(index + 1));
    index += pair ? 2 : 1;
  }
  return index;
}

/** A text that grows, with its length in code points. */
export interface Growing {
  text: string;
  points: number;
}

export const EMPTY: Growing = { text: "", points: 0 };

export function growing(text: string): Growing {
  return { text, points: length(text) };
}

/**
 * `have` with the piece that begins at code point `offset`: what `have` has already is ignored.
 * Null if there is a hole between the two.
 */
export function placed(have: Growing, offset: number, piece: string): Growing | null {
  if (offset > have.points) return null;
  const added = length(piece);
  if (offset + added <= have.points) return have;
  const fresh = piece.slice(indexOf(piece, have.points - offset));
  return { text: have.text + fresh, points: offset + added };
}

/** `text` cut at the given code points, in rising order; one piece more than there are cuts. */
export function cut(text: string, points: readonly number[]): string[] {
  const pieces: string[] = [];
  let from = 0;
  let counted = 0;
  for (const point of points) {
    const to = from + indexOf(text.slice(from), Math.max(0, point - counted));
    pieces.push(text.slice(from, to));
    counted = Math.max(counted, point);
    from = to;
  }
  pieces.push(text.slice(from));
  return pieces;
}
