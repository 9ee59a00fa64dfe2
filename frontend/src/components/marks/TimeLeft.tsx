import classes from "./marks.module.css";

const STROKES = Array.from({ length: 20 }, (_, index) => index);

/** Twenty strokes; one goes out with every twentieth of the time. Always beside the number. */
export function TimeLeft({ share }: { share: number }) {
  const lit = Math.ceil(Math.min(1, Math.max(0, share)) * STROKES.length);
  return (
    <span className={classes.left} aria-hidden="true">
      {STROKES.map((index) => (
        <i key={index} data-out={index >= lit || undefined} />
      ))}
    </span>
  );
}
