import classes from "./Tally.module.css";

/** Four dashed strokes in no colour: nobody is here yet. */
export function EmptyTally({ size = 30 }: { size?: number }) {
  return (
    <svg
      aria-hidden="true"
      className={classes.tally}
      width={size}
      height={size * 0.8}
      viewBox="0 0 20 16"
      style={{ color: "var(--mu-t3)" }}
    >
      {[2.2, 7.4, 12.6, 17.8].map((x) => (
        <path key={x} className={classes.dashed} d={`M${x} 2.2v12`} />
      ))}
    </svg>
  );
}
