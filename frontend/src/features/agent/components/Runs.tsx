import { Link } from "@tanstack/react-router";
import { Age } from "../../../clock/Age";
import { shortId } from "../../../format/words";
import type { AgentView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import classes from "./Agent.module.css";

/** The runs that the agent holds now, and below them its conversations. */
export function Runs({ agent, conversations }: { agent: AgentView; conversations: React.ReactNode }) {
  return (
    <div className={classes.runs}>
      <h2>Now</h2>
      {agent.runs.length === 0 && <p>No run: {agent.description.slots} slots are free.</p>}
      {agent.runs.map((run) => (
        <Link
          key={run.run_id}
          to="/conversations/$conversationId"
          params={{ conversationId: run.conversation }}
          className={classes.run}
        >
          <i style={{ background: stateColor.busy }} aria-hidden="true" />
          <span>{run.title || "A run"}</span>
          <span className="mono">{shortId(run.run_id)}</span>
          {run.started_at && <Age since={run.started_at} as="precise" />}
        </Link>
      ))}
      <h2>Conversations</h2>
      <div className={classes.conversations}>{conversations}</div>
    </div>
  );
}
