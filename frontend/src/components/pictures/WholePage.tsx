import type { ReactNode } from "react";
import classes from "./pictures.module.css";

/** A picture that is all there is on a page stands in its middle. */
export function WholePage({ children }: { children: ReactNode }) {
  return <div className={classes.whole}>{children}</div>;
}
