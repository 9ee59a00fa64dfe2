import { Moment } from "../../../clock/Moment";
import type { DeadLetterDetail, HistoryEntry } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { type Agents, queueLabel, reasonSentence } from "../words";
import classes from "./Letter.module.css";

const DID: Record<string, string> = { edit: "changed", replay: "sent it again", drop: "dropped it" };

function did({ action, detail }: HistoryEntry): string {
  const what = action === "edit" ? detail.replace("to", "the address").replace("body", "the body") : detail;
  return [DID[action] ?? action, what].filter(Boolean).join(" ");
}

/** What happened to it: where it died, what people did, and whether it waits. */
export function Way({ detail, agents }: { detail: DeadLetterDetail; agents: Agents }) {
  const { letter, history } = detail;
  return (
    <section className={classes.way} aria-label="What happened">
      <ol>
        <li>
          <i style={{ background: stateColor.failed }} aria-hidden="true" />
          <span className="mono">{queueLabel(letter.queue, agents)}</span>
          <Moment at={letter.died_at} as="clock" />
          <span>{reasonSentence(letter.reason)}</span>
        </li>
        {history.map((entry) => (
          <li key={`${entry.at} ${entry.action}`}>
            <i aria-hidden="true" />
            <span>{entry.by}</span>
            <Moment at={entry.at} as="clock" />
            <span>{did(entry)}</span>
          </li>
        ))}
        {letter.state === "waiting" && (
          <li>
            <i data-you aria-hidden="true" />
            <span>now</span>
            <span />
            <span>waits for you</span>
          </li>
        )}
      </ol>
    </section>
  );
}
