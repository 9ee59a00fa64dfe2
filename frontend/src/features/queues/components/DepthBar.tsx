import type { QueueView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { isFull } from "../words";
import classes from "./Queues.module.css";

/** How much waits, and how much of its bound that is. */
export function DepthBar({ queue }: { queue: QueueView }) {
  const { depth, bound } = queue;
  if (depth === null) return <span className={classes.unknown}>–</span>;
  const share = Math.min(1, depth / bound);
  // Whatever waits is seen, also where it is a thousandth of the bound.
  const width = depth === 0 ? 0 : `max(3px, ${(share * 100).toFixed(2)}%)`;
  return (
    <span
      className={classes.depth}
      title={`${depth.toLocaleString("en-US")} of at most ${bound.toLocaleString("en-US")}`}
    >
      <b data-some={depth > 0 || undefined}>{depth.toLocaleString("en-US")}</b>
      <span className={classes.bar} aria-hidden="true">
        <i style={{ width, background: isFull(queue) ? stateColor.failed : undefined }} />
      </span>
      <span className={classes.bound}>of {bound.toLocaleString("en-US")}</span>
    </span>
  );
}
