import type { ReactNode } from "react";
import classes from "./page.module.css";

interface Props {
  title: ReactNode;
  /** Beside the title: a count, an id. */
  beside?: ReactNode;
  /** Before the title: where this page belongs. */
  before?: ReactNode;
  children?: ReactNode;
}

/** The first line of a page: its name, what belongs to it, and what can be done. */
export function PageHeader({ title, beside, before, children }: Props) {
  return (
    <header className={classes.header}>
      {before}
      <div className={classes.titles}>
        <h1 className={classes.title}>{title}</h1>
        {beside && <div className={classes.beside}>{beside}</div>}
      </div>
      <div className={classes.actions}>{children}</div>
    </header>
  );
}
