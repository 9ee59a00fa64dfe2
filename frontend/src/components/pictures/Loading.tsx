import { useEffect, useState } from "react";
import classes from "./pictures.module.css";

/** Nothing is shown for this long: most answers are there before. */
const PATIENCE_MS = 200;
const WIDTHS = [58, 42, 66, 50, 38];

/** Still bars in the shape of the list that will be here. */
export function Loading({ rows = 3, what }: { rows?: number; what: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div className={classes.loading} role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, index) => index).map((row) => (
        <div key={row} className={classes.bars}>
          <i style={{ width: 18 }} />
          <i style={{ width: `${WIDTHS[row % WIDTHS.length]}%` }} />
          <i style={{ width: 44, marginInlineStart: "auto" }} />
        </div>
      ))}
    </div>
  );
}
