import { Button } from "@mantine/core";
import { IconMessage2, IconTerminal } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Age } from "../../../clock/Age";
import { Why } from "../../../components/facts/Why";
import { Beats } from "../../../components/marks/Beats";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import { doing, isUrgent, lastLine } from "../says";
import classes from "./AgentCell.module.css";
import { FactsPopover } from "./FactsPopover";
import { Tint } from "./Tint";

export interface CellActions {
  onChat(agent: AgentView): void;
  onPush(agent: AgentView): void;
}

interface Props extends CellActions {
  agent: AgentView;
  index: number;
  /** Its facts are shown beside it. */
  isOpen: boolean;
}

/** One agent in the ledger: its sign, its state with its age, what it does, its last line, its beats, its machine. */
export const AgentCell = memo(function AgentCell({ agent, index, isOpen, onChat, onPush }: Props) {
  const { description, presence } = agent;
  const { state } = presence;
  return (
    <article
      className={classes.cell}
      data-quiet={state === "idle" || undefined}
      data-index={index}
      data-testid="agent-cell"
    >
      <Tint state={state} />
      <div className={classes.head}>
        <Tally state={state} facts={presence} silent />
        <Link to="/agents/$agentId" params={{ agentId: agent.id }} className={classes.name} title={description.name}>
          {description.name}
        </Link>
        <span className={classes.state}>
          <StateWord state={state} />{" "}
          <Age since={presence.since} as={isUrgent(agent) ? "precise" : "rough"} className={classes.age} />
        </span>
      </div>
      <div className={classes.doing} title={doing(agent)}>
        {state === "lost" ? <Why agent={agent} /> : doing(agent)}
      </div>
      <div className={classes.line}>{lastLine(agent)}</div>
      <div className={classes.foot}>
        <Beats beats={agent.beats} state={state} count={24} />
        <span className={classes.machine}>{description.machine.hostname}</span>
        {agent.runs.length > 0 && (
          <span className={classes.slots} title="runs and slots">
            {agent.runs.length} of {description.slots}
          </span>
        )}
      </div>
      <div className={classes.actions}>
        <Button size="xs" leftSection={<IconMessage2 size={14} stroke={1.5} />} onClick={() => onChat(agent)}>
          Chat
        </Button>
        {description.accepts_commands && (
          <Button size="xs" leftSection={<IconTerminal size={14} stroke={1.5} />} onClick={() => onPush(agent)}>
            Push
          </Button>
        )}
      </div>
      {isOpen && <FactsPopover agent={agent} />}
    </article>
  );
});
