import { memo } from "react";
import type { AgentState } from "../../live/wire.gen";
import { strokeColor } from "../../theme/states";
import classes from "./Beats.module.css";
import { beatPaths } from "./beatPaths";

interface Props {
  /** Loads in percent, oldest first; -1 for a missed heartbeat. */
  beats: readonly number[];
  state: AgentState;
  /** How many of the latest are drawn. */
  count: number;
  pitch?: number;
  height?: number;
}

/** One tick a heartbeat: its height is the load, a gap is a missed one. */
export const Beats = memo(function Beats({ beats, state, count, pitch = 3, height = 11 }: Props) {
  const shown = beats.slice(-count);
  const { held, missed, missedCount } = beatPaths(shown, pitch, height);
  const width = count * pitch;
  const label = `${shown.length} heartbeats, ${missedCount === 0 ? "none" : missedCount} missed`;
  return (
    <svg
      role="img"
      aria-label={label}
      className={classes.beats}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      style={{ color: strokeColor(state) }}
    >
      <path d={held} />
      <path className={classes.missed} d={missed} />
    </svg>
  );
});
