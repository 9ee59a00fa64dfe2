import type { ReactNode } from "react";
import { EmptyTally } from "../tally/EmptyTally";
import classes from "./pictures.module.css";

interface Props {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

/** Nothing is here: what would be, and the one next step. */
export function Empty({ title, children, action }: Props) {
  return (
    <div className={classes.picture}>
      <EmptyTally />
      <div>
        <b>{title}</b>
        <div className={classes.detail}>{children}</div>
      </div>
      {action}
    </div>
  );
}
