import { Tally } from "../../../components/tally/Tally";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./PushDialog.module.css";

/** The most names that are listed. */
const MOST = 12;

/** Whom the command goes to, and who of them must come back first. */
export function Reached({ targets, to }: { targets: AgentView[]; to: string }) {
  if (!to.trim()) return null;
  if (targets.length === 0) return <p className={classes.reached}>Nobody is that now.</p>;
  const away = targets.filter(({ presence }) => presence.state === "lost" || presence.state === "failed").length;
  return (
    <div className={classes.reached}>
      {targets.slice(0, MOST).map(({ id, description, presence }) => (
        <span key={id} className={classes.name}>
          <Tally state={presence.state} facts={presence} reason={presence.reason} size={15} />
          {description.name}
        </span>
      ))}
      {targets.length > MOST && <span>and {targets.length - MOST} more</span>}
      {away > 0 && (
        <p>{away === 1 ? "One of them is away" : `${away} of them are away`}: it waits up to an hour for them.</p>
      )}
    </div>
  );
}
