import { useElementSize } from "@mantine/hooks";
import type { AgentView } from "../../../live/wire.gen";
import { AgentCell, type CellActions } from "./AgentCell";
import { Ledger } from "./Ledger";
import { Rows } from "./Rows";
import { useMoving } from "./useMoving";
import { useOpenFacts } from "./useOpenFacts";

/** The narrowest cell, in pixels; the grid has as many columns as fit. */
const CELL_PX = 228;
const CELL_HEIGHT = 102;

interface Props extends CellActions {
  agents: AgentView[];
  /** Whether the pointer or the focus is among the agents. */
  onInside(inside: boolean): void;
}

/** The wall: a ledger of cells with shared rules. */
export function WallGrid({ agents, onInside, onChat, onPush }: Props) {
  const { ref, width } = useElementSize();
  const columns = Math.max(1, Math.floor(width / CELL_PX));
  const facts = useOpenFacts();
  const moving = useMoving(agents.length, columns);
  return (
    <Ledger box={ref} onInside={onInside} handlers={facts.handlers}>
      {width > 0 && (
        <Rows count={Math.ceil(agents.length / columns)} height={CELL_HEIGHT} columns={columns} handle={moving.rows}>
          {(row) =>
            agents
              .slice(row * columns, (row + 1) * columns)
              .map((agent, column) => (
                <AgentCell
                  key={agent.id}
                  agent={agent}
                  index={row * columns + column}
                  isOpen={facts.openIndex === row * columns + column}
                  onChat={onChat}
                  onPush={onPush}
                />
              ))
          }
        </Rows>
      )}
    </Ledger>
  );
}
