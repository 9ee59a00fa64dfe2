/** The lowest tick, so that a heartbeat without load is seen. */
const LOWEST_PX = 2;

export interface BeatPaths {
  held: string;
  missed: string;
  /** Ticks that are not there: missed, or older than what is known. */
  missing: number;
}

/** Two SVG paths for the ticks; the newest stands at the right. */
export function beatPaths(beats: readonly number[], count: number, pitch: number, height: number): BeatPaths {
  let held = "";
  let missed = "";
  let missing = count - beats.length;
  for (const [index, load] of beats.entries()) {
    const x = (count - beats.length + index) * pitch + 1;
    if (load < 0) {
      missed += `M${x} ${height}v-1.5`;
      missing += 1;
    } else {
      const tick = LOWEST_PX + (Math.min(load, 100) / 100) * (height - LOWEST_PX);
      held += `M${x} ${height}v-${tick.toFixed(1)}`;
    }
  }
  return { held, missed, missing };
}
