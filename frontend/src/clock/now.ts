// One ticking clock for all ages on the screen. It shows the server's time: ages are right on a machine whose own
// clock is not.
import { useSyncExternalStore } from "react";

/** Ages are read to the second. */
const TICK_MS = 1000;

let offset = 0;
let moment = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  moment = Date.now() + offset;
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    moment = Date.now() + offset;
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time now, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** Sets by how much the server's clock is ahead of this one, in milliseconds. */
export function setClockOffset(ms: number): void {
  // Less than a second is the way there and back, not a wrong clock.
  offset = Math.abs(ms) < TICK_MS ? 0 : ms;
  tick();
}

/** The server's time, told again every second. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => moment);
}
