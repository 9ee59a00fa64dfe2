import type { AgentState } from "../../live/wire.gen";
import { strokeColor } from "../../theme/states";
import classes from "./RollStrokes.module.css";
import { barWidth, PITCH, strokeCount } from "./share";

const HEIGHT = 28;
/** How much the slash rises for each pixel to the right. */
const SLOPE = 0.4;

/** One stroke of each state: busy and waiting at full height, idle and paused lower, lost a stub. */
const STROKE: Record<AgentState, string> = {
  waiting: "M0 3v22",
  quarantined: "M0 3v22",
  failed: "M0 3v22",
  lost: "M0 23.5v1.5",
  suspect: "M0 3v22",
  busy: "M0 3v22",
  draining: "M0 3v22",
  paused: "M0 12v13",
  idle: "M0 12v13",
};

/** The person across all strokes, at the same angle whatever their number. */
function slash(width: number): string {
  const rise = Math.min(9, ((width + 4) / 2) * SLOPE);
  return `M-3 ${14.5 + rise} ${width + 1} ${14.5 - rise}`;
}

interface Props {
  state: AgentState;
  count: number;
  /** All agents of the fleet, of which `count` are in this state. */
  total: number;
}

/** The agents in one state, one stroke each; in a large fleet a stroke is a share of it. */
export function RollStrokes({ state, count, total }: Props) {
  const bar = barWidth(count, total);
  const strokes = strokeCount(count, total);
  const width = bar ?? strokes * PITCH;
  return (
    <svg
      aria-hidden="true"
      className={classes.roll}
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      style={{ color: strokeColor(state) }}
    >
      {bar === null ? (
        Array.from({ length: strokes }, (_, index) => index).map((index) => (
          <path
            key={index}
            className={classes[state]}
            d={STROKE[state]}
            transform={`translate(${3 + index * PITCH})`}
          />
        ))
      ) : (
        <rect className={classes[state]} x="0" y="12" width={bar} height="13" />
      )}
      {state === "waiting" && <path className={classes.halo} d={slash(width)} />}
      {state === "waiting" && <path d={slash(width)} />}
      {state === "failed" && <path d={`M-2 14h${width + 3}`} />}
      {state === "quarantined" && <path d={`M-2 2h${width + 3}M-2 26h${width + 3}`} />}
    </svg>
  );
}
