import { Receipt } from "../../../components/marks/Receipt";
import { duration } from "../../../format/duration";
import { epochMs } from "../../../format/moment";
import classes from "./Thread.module.css";

/** How far a stored message is: its run began after this long, or has not begun. */
export function StoredReceipt({ at, startedAt }: { at: string; startedAt: string | null }) {
  const text = startedAt ? `started in ${duration(epochMs(startedAt) - epochMs(at))}` : "stored";
  return (
    <span className={classes.receipt} data-testid="receipt">
      <Receipt stored started={startedAt !== null} />
      {text}
    </span>
  );
}
