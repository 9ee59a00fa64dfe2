/** The shortest and the longest time to wait before connecting again, in milliseconds. */
const BASE_MS = 500;
const CAP_MS = 15_000;

/** Exponential back-off with full jitter: a thousand browsers do not come back in the same moment. */
export function backoff(attempt: number, random: number): number {
  return Math.round(random * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 10)));
}
