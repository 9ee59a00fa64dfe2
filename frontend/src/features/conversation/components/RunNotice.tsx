import { ProblemFacts } from "../../../components/pictures/ProblemFacts";
import { localProblem } from "../../../http/problem";
import type { Run } from "../../../live/transcript";
import { stateColor } from "../../../theme/states";
import type { Stage } from "../runView";
import classes from "./Thread.module.css";

/** What a person must know beside the text: it waits, it was stopped, it failed. */
export function RunNotice({ run, stage }: { run: Run; stage: Stage }) {
  if (stage === "queued") return <p className={classes.notice}>queued, {run.queued?.detail}</p>;
  if (stage === "stopped") {
    return <p className={classes.notice}>stopped{run.stop ? ` by ${run.stop.by}` : ""}</p>;
  }
  if (stage !== "failed" || !run.error) return null;
  const { message, hint, reason } = run.error;
  return (
    <div className={classes.error} role="alert">
      <b style={{ color: stateColor.failed }}>{message}</b>
      {hint && <p>{hint}</p>}
      <ProblemFacts problem={localProblem(reason, message, "")} />
    </div>
  );
}
