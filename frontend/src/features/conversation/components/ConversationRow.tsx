import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Age } from "../../../clock/Age";
import { Tally } from "../../../components/tally/Tally";
import { useAgent } from "../../../live/hooks";
import type { ConversationView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { withoutMarks } from "../withoutMarks";
import classes from "./List.module.css";

function Standing({ view, isAway }: { view: ConversationView; isAway: boolean }) {
  if (view.active_runs.length > 0 && isAway) return <span>queued</span>;
  if (view.active_runs.length > 0) return <span style={{ color: stateColor.busy }}>answering</span>;
  if (view.failed === "stopped") return <span>stopped</span>;
  if (view.failed) return <span style={{ color: stateColor.failed }}>failed</span>;
  return null;
}

/** One conversation: who answers, what about, the last words, how it stands. */
export const ConversationRow = memo(function ConversationRow({
  view,
  isHere,
}: {
  view: ConversationView;
  isHere: boolean;
}) {
  const agent = useAgent(view.agent_id);
  return (
    <Link
      to="/conversations/$conversationId"
      params={{ conversationId: view.id }}
      className={classes.row}
      data-here={isHere || undefined}
      data-conversation
    >
      {agent ? (
        <Tally state={agent.presence.state} facts={agent.presence} reason={agent.presence.reason} />
      ) : (
        <Tally state="lost" silent />
      )}
      <span className={classes.title}>{view.title || "A conversation"}</span>
      <span className={classes.agent}>{agent?.description.name ?? view.to}</span>
      <span className={classes.preview}>{withoutMarks(view.preview)}</span>
      <span className={classes.standing}>
        <Standing view={view} isAway={agent?.presence.state === "lost"} />
      </span>
      <Age since={view.updated_at} as="ago" className={classes.age} />
    </Link>
  );
});
