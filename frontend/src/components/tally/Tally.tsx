import type { AgentState } from "../../live/wire.gen";
import { strokeColor } from "../../theme/states";
import { type Facts, type Stroke, signLabel, signOf } from "./strokes";
import classes from "./Tally.module.css";

interface Props {
  state: AgentState;
  facts?: Facts | undefined;
  reason?: string | undefined;
  /** Width in pixels. */
  size?: 15 | 18 | 30 | 50;
  /** The word stands beside the sign already. */
  silent?: boolean;
  /** It is over: only what goes on has a colour. */
  quiet?: boolean;
}

/** Where the four strokes stand. */
const PLACES = [2.2, 7.4, 12.6, 17.8] as const;
const SLASH = "M-.8 12.6 20.8 3.4";
const STRIKE = "M-.4 8h20.8";
const BARS = "M-.4 .9h20.8M-.4 15.1h20.8";

const PATHS: Record<Stroke, (x: number) => string> = {
  full: (x) => `M${x} 2v12`,
  breathing: (x) => `M${x} 2v12`,
  dashed: (x) => `M${x} 2.2v12`,
  stub: (x) => `M${x} 13v1`,
};

/** An agent as four strokes: process, commands, consumer, work; the slash is the person, bars above and below keep it out. */
export function Tally({ state, facts, reason, size = 18, silent = false, quiet = false }: Props) {
  const { strokes, slash, struck, barred } = signOf(state, facts);
  return (
    <svg
      role="img"
      aria-label={signLabel(state, reason)}
      aria-hidden={silent}
      className={classes.tally}
      width={size}
      height={size * 0.8}
      viewBox="0 0 20 16"
      style={{ color: quiet ? "var(--mu-t3)" : strokeColor(state) }}
      data-state={state}
    >
      {PLACES.map((x, index) => {
        const stroke = strokes[index] ?? "dashed";
        return <path key={x} className={struck ? classes.faint : classes[stroke]} d={PATHS[stroke](x)} />;
      })}
      {slash && <path className={classes.halo} d={SLASH} />}
      {slash && <path className={classes.slash} d={SLASH} />}
      {struck && <path className={classes.thinHalo} d={STRIKE} />}
      {struck && <path d={STRIKE} />}
      {barred && <path className={classes.bars} d={BARS} />}
    </svg>
  );
}
