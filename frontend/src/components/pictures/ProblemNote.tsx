import type { Problem } from "../../live/wire.gen";
import { stateColor } from "../../theme/states";
import { ProblemFacts } from "./ProblemFacts";
import classes from "./pictures.module.css";

/** A problem beside what it concerns: a form, a message that was not sent. */
export function ProblemNote({ problem }: { problem: Problem }) {
  return (
    <div className={classes.note} role="alert">
      <b style={{ color: stateColor.failed }}>{problem.title}</b>
      <div className={classes.detail}>
        {problem.detail} {problem.hint}
      </div>
      <ProblemFacts problem={problem} />
    </div>
  );
}
