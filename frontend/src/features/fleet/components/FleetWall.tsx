import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useMemo, useState } from "react";
import { Empty } from "../../../components/pictures/Empty";
import type { AgentView } from "../../../live/wire.gen";
import { matches, parseQuery, toggled } from "../filter";
import { sorted } from "../order";
import type { FleetSearch } from "../search";
import { useHeld } from "../useHeld";
import type { CellActions } from "./AgentCell";
import { RollCall } from "./RollCall";
import { Toolbar } from "./Toolbar";
import classes from "./Wall.module.css";
import { WallGrid } from "./WallGrid";
import { WallTable } from "./WallTable";

interface Props extends CellActions {
  agents: AgentView[];
  search: FleetSearch;
  /** `typed`: one of many letters, not a step to go back to. */
  onSearch(search: FleetSearch, typed: boolean): void;
}

/** Every agent, live, as a wall or a table, filtered and in order. */
export function FleetWall({ agents, search, onSearch, onChat, onPush }: Props) {
  const { q = "", sort = "state", view } = search;
  const [inside, setInside] = useState(false);
  const wanted = useMemo(() => {
    const query = parseQuery(q);
    return sorted(
      agents.filter((agent) => matches(query, agent)),
      sort,
    );
  }, [agents, q, sort]);
  const held = useHeld(wanted, `${q}|${sort}`, inside);
  const isPhone = useMediaQuery("(max-width: 43.74em)");
  const View = view === "table" && !isPhone ? WallTable : WallGrid;
  return (
    <>
      <RollCall
        agents={agents}
        query={q}
        onToggle={(state) =>
          onSearch({ ...search, q: toggled(q, { key: "state", value: state, wanted: true }) }, false)
        }
      />
      <Toolbar search={search} onSearch={onSearch} news={held.news} onShowNews={held.show} />
      {held.agents.length === 0 ? (
        <div className={classes.none}>
          <Empty
            title="No agent matches"
            action={<Button onClick={() => onSearch({ ...search, q: "" }, false)}>Clear the filter</Button>}
          >
            {agents.length} agents are here; none of them is {q}.
          </Empty>
        </div>
      ) : (
        <View agents={held.agents} onInside={setInside} onChat={onChat} onPush={onPush} />
      )}
    </>
  );
}
