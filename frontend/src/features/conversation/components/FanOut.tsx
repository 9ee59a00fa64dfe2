import { counted } from "../../../format/words";
import type { RunBranch } from "../../../live/wire.gen";
import classes from "./Thread.module.css";

/** The most names that are listed. */
const MOST = 8;

/** To whom a message to many went; each of them answers below. */
export function FanOut({ branches }: { branches: RunBranch[] }) {
  const names = branches.slice(0, MOST).map((branch) => branch.agent_name);
  const rest = branches.length - names.length;
  return (
    <p className={classes.fan} data-testid="fan-out">
      {branches.length === 0
        ? "went to nobody: no agent matches now"
        : `went to ${counted(branches.length, "agent")}: ${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`}
    </p>
  );
}
