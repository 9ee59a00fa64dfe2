import classes from "./marks.module.css";

/** How far a message is: stored, then started. A stroke that is not there yet is faint. */
export function Receipt({ stored, started }: { stored: boolean; started: boolean }) {
  return (
    <span className={classes.receipt} aria-hidden="true">
      <i data-out={!stored || undefined} />
      <i data-out={!started || undefined} />
    </span>
  );
}
