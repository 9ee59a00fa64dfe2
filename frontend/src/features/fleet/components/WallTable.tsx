import type { AgentView } from "../../../live/wire.gen";
import type { CellActions } from "./AgentCell";
import { AgentRow } from "./AgentRow";
import { Ledger } from "./Ledger";
import { Rows } from "./Rows";
import { useMoving } from "./useMoving";
import classes from "./Wall.module.css";

const ROW_HEIGHT = 28;

interface Props extends CellActions {
  agents: AgentView[];
  onInside(inside: boolean): void;
}

/** The same agents, one line each. */
export function WallTable({ agents, onInside }: Props) {
  const moving = useMoving(agents.length, 1);
  return (
    <Ledger onInside={onInside}>
      <div className={classes.columns} aria-hidden="true">
        <span>Agent</span>
        <span>State</span>
        <span>Doing</span>
        <span>Last line</span>
        <span>Slots</span>
        <span>Machine</span>
        <span>Heartbeats</span>
      </div>
      <Rows count={agents.length} height={ROW_HEIGHT} columns={1} handle={moving.rows}>
        {(index) => {
          const agent = agents[index];
          return agent ? <AgentRow key={agent.id} agent={agent} index={index} /> : null;
        }}
      </Rows>
    </Ledger>
  );
}
