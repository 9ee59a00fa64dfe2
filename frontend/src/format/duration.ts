// Lengths of time as people read them: two units at most, a thin number first.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number): string => String(value).padStart(2, "0");

/** How long something took: "41 ms", "2.9 s", "2 m 14 s", "6 h 03 m". */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return precise(ms);
}

/** How long something has lasted, to the second: "8 s", "2 m 14 s", "6 h 03 m", "6 d 3 h". */
export function precise(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} m ${two(Math.floor((whole % MINUTE) / SECOND))} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} m`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

/** How long something has lasted, in one unit: "8 s", "9 m", "2 h", "6 d". */
export function rough(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} m`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h`;
  return `${Math.floor(whole / DAY)} d`;
}

/** Time since a moment in a list: "now", "3 m ago". */
export function ago(ms: number): string {
  return ms < 5 * SECOND ? "now" : `${rough(ms)} ago`;
}

/** What is left of a term: "58 min", "42 s", "2 h 05 m". */
export function left(ms: number): string {
  if (ms <= 0) return "none";
  if (ms < MINUTE) return `${Math.ceil(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.ceil(ms / MINUTE)} min`;
  return precise(ms);
}
