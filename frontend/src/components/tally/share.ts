// How many strokes stand for how many agents.

/** Pixels from one stroke to the next. */
export const PITCH = 7;
/** Beyond this many agents each stroke is a share; beyond the other, strokes become bars. */
const MOST_STROKES = 200;
const MOST_SHARED = 2000;
/** Strokes that all shares are drawn with, and the width of all bars together: so that they stand in one line. */
const SHARES = 120;
const BARS_PX = 840;

export function strokeCount(count: number, total: number): number {
  if (total <= MOST_STROKES) return count;
  return count === 0 ? 0 : Math.max(1, Math.round((count / total) * SHARES));
}

/** The width of a state's bar in a fleet too large for strokes; null in smaller ones. */
export function barWidth(count: number, total: number): number | null {
  return total <= MOST_SHARED ? null : Math.max(3, Math.round((count / total) * BARS_PX));
}
