/** The lowest tick, so that a heartbeat without load is seen. */
const LOWEST_PX = 2;

export interface BeatPaths {
  held: string;
  missed: string;
  missedCount: number;
}

/** Two SVG paths for the ticks, oldest at the left. */
export function beatPaths(beats: readonly number[], pitch: number, height: number): BeatPaths {
  let held = "";
  let missed = "";
  let missedCount = 0;
  for (const [index, load] of beats.entries()) {
    const x = index * pitch + 1;
    if (load < 0) {
      missed += `M${x} ${height}v-1.5`;
      missedCount += 1;
    } else {
      const tick = LOWEST_PX + (Math.min(load, 100) / 100) * (height - LOWEST_PX);
      held += `M${x} ${height}v-${tick.toFixed(1)}`;
    }
  }
  return { held, missed, missedCount };
}
