import tally from "../../../components/tally/Tally.module.css";
import type { TargetView } from "../../../live/wire.gen";
import { strokeColor } from "../../../theme/states";
import { STATE_WORD, strokesOf, toneOf } from "../progress";

const PLACES = [2.2, 7.4, 12.6, 17.8];

/** A command on one target as four strokes: stored, delivered, running, done. */
export function CommandTally({ target, size = 15 }: { target: TargetView; size?: number }) {
  const tone = toneOf(target.state);
  const struck = tone === "failed";
  return (
    <svg
      role="img"
      aria-label={STATE_WORD[target.state]}
      className={tally.tally}
      width={size}
      height={size * 0.8}
      viewBox="0 0 20 16"
      style={{ color: strokeColor(tone) }}
    >
      {strokesOf(target).map((stroke, index) => (
        <path
          key={PLACES[index]}
          className={struck ? tally.faint : tally[stroke]}
          d={`M${PLACES[index]} ${stroke === "stub" ? "13v1" : "2v12"}`}
        />
      ))}
      {struck && <path className={tally.thinHalo} d="M-.4 8h20.8" />}
      {struck && <path d="M-.4 8h20.8" />}
    </svg>
  );
}
