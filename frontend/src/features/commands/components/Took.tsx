import { useNow } from "../../../clock/now";
import { duration, precise } from "../../../format/duration";
import type { TargetView } from "../../../live/wire.gen";
import { tookMs } from "../progress";

/** How long a command took, or has taken so far. */
export function Took({ target, className }: { target: TargetView; className?: string | undefined }) {
  const now = useNow();
  const ms = tookMs(target, now);
  const goesOn = target.ended_at === null && target.duration_ms === null;
  return <span className={className}>{ms === null ? "" : goesOn ? precise(ms) : duration(ms)}</span>;
}
