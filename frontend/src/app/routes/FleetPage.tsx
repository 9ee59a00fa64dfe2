import { Kbd } from "@mantine/core";
import { IconPlus, IconTerminal } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { BriefButton } from "../../components/page/BriefButton";
import { PageHeader } from "../../components/page/PageHeader";
import { useTitle } from "../../components/page/useTitle";
import { Awaiting } from "../../components/pictures/Awaiting";
import { Broken } from "../../components/pictures/Broken";
import { FleetWall } from "../../features/fleet/components/FleetWall";
import { headcount } from "../../features/fleet/says";
import { fleetSearch } from "../../features/fleet/search";
import { FirstRun } from "../../features/join/components/FirstRun";
import { systemQuery } from "../../features/system/api/system";
import { useFleet, useStreamProblem } from "../../live/hooks";
import type { AgentView } from "../../live/wire.gen";
import { useDialogs } from "../dialogStore";
import classes from "./FleetPage.module.css";

/** With so many agents the page is a wall; with fewer it says how to add one. */
const WALL_FROM = 3;

/** The fleet: who is there, in which state, doing what. */
export function FleetPage() {
  useTitle("Fleet");
  const fleet = useFleet();
  const problem = useStreamProblem("fleet");
  const agents = useMemo(() => Object.values(fleet ?? {}), [fleet]);
  const search = useSearch({ from: "/console/fleet" });
  const navigate = useNavigate({ from: "/fleet" });
  const { openPush, openJoin } = useDialogs();
  const system = useQuery(systemQuery);
  // Who watches the third agent join stays on this page until they ask for the wall.
  const [watching, setWatching] = useState(false);
  const isFirstRun = fleet !== null && agents.length < WALL_FROM;
  if (isFirstRun && !watching) setWatching(true);

  const chat = useCallback(
    (agent: AgentView, text = "") => {
      const to = `agent:${agent.id}`;
      void navigate({ to: "/conversations/new", search: text ? { to, text } : { to } });
    },
    [navigate],
  );
  const push = useCallback((agent: AgentView) => openPush(agent.description.name), [openPush]);

  return (
    <>
      <PageHeader title="Fleet" beside={fleet && <span data-testid="headcount">{headcount(agents)}</span>}>
        {isFirstRun && (
          <span className={classes.aside}>this page turns into the fleet wall when the third agent answers</span>
        )}
        {fleet && !isFirstRun && (
          <>
            <BriefButton
              variant="subtle"
              name="Push a command"
              sign={<IconTerminal size={14} stroke={1.5} />}
              rightSection={<Kbd className={classes.wide ?? ""}>c</Kbd>}
              onClick={() => openPush("")}
            />
            {!watching && (
              <BriefButton name="Add an agent" sign={<IconPlus size={14} stroke={1.5} />} onClick={openJoin} />
            )}
          </>
        )}
      </PageHeader>
      {!fleet && problem && <Broken title="The fleet could not be read" problem={problem} />}
      {!fleet && !problem && <Awaiting what="the fleet" rows={6} />}
      {fleet && watching && (
        <FirstRun
          agents={agents}
          system={system.data}
          onChat={chat}
          onWall={isFirstRun ? undefined : () => setWatching(false)}
        />
      )}
      {fleet && !watching && (
        <FleetWall
          agents={agents}
          search={search}
          onSearch={(next, typed) => void navigate({ to: "/fleet", search: fleetSearch({ ...next }), replace: typed })}
          onChat={chat}
          onPush={push}
        />
      )}
    </>
  );
}
