// Frames wait here until it is their time to be shown: text at most 20 times a second, the fleet's numbers once.
import type { StreamFrame } from "./frames";

const TEXT_MS = 50;
const FLEET_MS = 1000;

type Lane = "text" | "fleet";

const INTERVAL: Record<Lane, number> = { text: TEXT_MS, fleet: FLEET_MS };

/** Answers to a subscription are waited for by somebody; only the fleet's own news may be late. */
function laneOf(frame: StreamFrame): Lane {
  return frame.stream === "fleet" && frame.op === "event" ? "fleet" : "text";
}

export class Batches {
  private readonly show: (frames: StreamFrame[]) => void;
  private readonly now: () => number;
  private readonly waiting: Record<Lane, StreamFrame[]> = { text: [], fleet: [] };
  private readonly shownAt: Record<Lane, number> = { text: 0, fleet: 0 };
  private readonly timers: Partial<Record<Lane, ReturnType<typeof setTimeout>>> = {};

  constructor(show: (frames: StreamFrame[]) => void, now: () => number) {
    this.show = show;
    this.now = now;
  }

  push(frame: StreamFrame): void {
    const lane = laneOf(frame);
    // Whatever came before on the same stream is shown before.
    if (frame.stream === "fleet" && lane === "text") this.flushLane("fleet");
    this.waiting[lane].push(frame);
    if (this.timers[lane] !== undefined) return;
    const wait = Math.max(0, this.shownAt[lane] + INTERVAL[lane] - this.now());
    this.timers[lane] = setTimeout(() => this.flushLane(lane), wait);
  }

  flush(): void {
    this.flushLane("text");
    this.flushLane("fleet");
  }

  private flushLane(lane: Lane): void {
    clearTimeout(this.timers[lane]);
    delete this.timers[lane];
    const frames = this.waiting[lane];
    if (frames.length === 0) return;
    this.waiting[lane] = [];
    this.shownAt[lane] = this.now();
    this.show(frames);
  }
}
