import type { Problem } from "../../live/wire.gen";
import { CopyIcon } from "../text/CopyIcon";
import classes from "./pictures.module.css";

/** The machine-readable reason and the trace id of a problem, to be copied into a question. */
export function ProblemFacts({ problem }: { problem: Problem }) {
  const { reason, trace_id: trace } = problem;
  return (
    <div className={classes.facts}>
      <span className="mono">
        {reason}
        {trace && `, trace ${trace.slice(0, 8)}`}
      </span>
      <CopyIcon text={trace ? `${reason} trace ${trace}` : reason} what="the reason and the trace" />
    </div>
  );
}
