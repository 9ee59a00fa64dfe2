import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Problem } from "../../live/wire.gen";
import { Tally } from "../tally/Tally";
import { ProblemFacts } from "./ProblemFacts";
import classes from "./pictures.module.css";

interface Props {
  /** What failed: "Conversations could not be read". */
  title?: string;
  problem: Problem;
  /** What still holds. */
  children?: ReactNode;
  onRetry?: () => void;
  /** Where to go instead. */
  action?: ReactNode;
}

/** Something failed: what, why, the trace to ask about, what still holds, and another try. */
export function Broken({ title, problem, children, onRetry, action }: Props) {
  return (
    <div className={classes.picture} role="alert">
      <Tally state="failed" size={30} silent />
      <div>
        <b>{title ?? problem.title}</b>
        <div className={classes.detail}>
          {problem.detail} {problem.hint} {children}
        </div>
        <ProblemFacts problem={problem} />
      </div>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
      {action}
    </div>
  );
}
