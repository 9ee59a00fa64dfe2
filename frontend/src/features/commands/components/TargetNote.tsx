import { Moment } from "../../../clock/Moment";
import { ProblemFacts } from "../../../components/pictures/ProblemFacts";
import { localProblem } from "../../../http/problem";
import type { CommandView, TargetView } from "../../../live/wire.gen";
import { isOver, STATE_WORD } from "../progress";
import classes from "./Console.module.css";

interface Props {
  command: CommandView;
  target: TargetView;
  hasOutput: boolean;
}

/** What the output does not say: what the command waits for, or why it ended as it did. */
export function TargetNote({ command, target, hasOutput }: Props) {
  const { state, detail, reason, agent_name: name } = target;
  if (state === "stored") {
    return (
      <div className={classes.note}>
        <span>
          Stored. {name} runs it as soon as it takes it; at <Moment at={command.expires_at} as="clock" /> it expires.
        </span>
      </div>
    );
  }
  // The head says already that it was stopped.
  if (detail || (reason && reason !== "stopped")) {
    return (
      <div className={classes.note} data-testid="command-detail">
        <span>{detail || STATE_WORD[state]}</span>
        {reason && <ProblemFacts problem={localProblem(reason, STATE_WORD[state], detail)} />}
      </div>
    );
  }
  if (isOver(target) && !hasOutput) {
    return (
      <div className={classes.note}>
        <span>It wrote nothing.</span>
      </div>
    );
  }
  return null;
}
