import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Age } from "../../../clock/Age";
import { Why } from "../../../components/facts/Why";
import { Beats } from "../../../components/marks/Beats";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import { doing, isUrgent, lastLine } from "../says";
import { Tint } from "./Tint";
import classes from "./Wall.module.css";

/** One agent in one line. */
export const AgentRow = memo(function AgentRow({ agent, index }: { agent: AgentView; index: number }) {
  const { description, presence, runs } = agent;
  return (
    <article className={classes.line} data-index={index} data-testid="agent-cell">
      <Tint state={presence.state} />
      <span className={classes.who}>
        <Tally state={presence.state} facts={presence} silent size={15} />
        <Link to="/agents/$agentId" params={{ agentId: agent.id }} className={classes.link} title={description.name}>
          {description.name}
        </Link>
      </span>
      <span className={classes.state}>
        <StateWord state={presence.state} /> <Age since={presence.since} as={isUrgent(agent) ? "precise" : "rough"} />
      </span>
      <span title={doing(agent)}>{presence.state === "lost" ? <Why agent={agent} /> : doing(agent)}</span>
      <span className={classes.mono}>{lastLine(agent)}</span>
      <span className={classes.mono}>
        {runs.length} of {description.slots}
      </span>
      <span className={classes.mono}>{description.machine.hostname}</span>
      <Beats beats={agent.beats} state={presence.state} count={24} />
    </article>
  );
});
