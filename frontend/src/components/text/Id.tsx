import { shortId } from "../../format/words";
import { CopyIcon } from "./CopyIcon";
import classes from "./text.module.css";

/** An id: short on screen, whole when copied. */
export function Id({ id, what }: { id: string; what: string }) {
  return (
    <span className={classes.id}>
      <span className="mono" title={id}>
        {shortId(id)}
      </span>
      <CopyIcon text={id} what={what} />
    </span>
  );
}
