import classes from "./text.module.css";

/** A label or a skill. */
export function Tag({ children }: { children: React.ReactNode }) {
  return <span className={classes.tag}>{children}</span>;
}
