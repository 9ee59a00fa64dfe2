import { Button, Tabs } from "@mantine/core";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTitle } from "../../components/page/useTitle";
import { Awaiting } from "../../components/pictures/Awaiting";
import { Empty } from "../../components/pictures/Empty";
import { WholePage } from "../../components/pictures/WholePage";
import { About } from "../../features/agent/components/About";
import classes from "../../features/agent/components/Agent.module.css";
import { AgentHeader } from "../../features/agent/components/AgentHeader";
import { AgentPresence } from "../../features/agent/components/AgentPresence";
import { BeatStrip } from "../../features/agent/components/BeatStrip";
import { QuarantineNote } from "../../features/agent/components/QuarantineNote";
import { Runs } from "../../features/agent/components/Runs";
import { AgentConsole } from "../../features/commands/components/AgentConsole";
import { ConversationList } from "../../features/conversation/components/ConversationList";
import { useAgent, useFleet } from "../../live/hooks";
import type { AgentView } from "../../live/wire.gen";
import { usePins } from "../pins";
import type { AgentTab } from "../searches";

const RetireDialog = lazy(() => import("../../features/agent/components/RetireDialog"));

/** One agent: is it there, what does it do, and a console on its machine. */
export function AgentPage() {
  const { agentId } = useParams({ from: "/console/agents/$agentId" });
  const fleet = useFleet();
  const agent = useAgent(agentId);
  const navigate = useNavigate();
  useTitle(agent?.description.name ?? "Agent");
  if (!fleet) return <Awaiting what="the agent" rows={5} />;
  if (!agent) {
    return (
      <WholePage>
        <Empty
          title="This agent is not in the fleet"
          action={<Button onClick={() => void navigate({ to: "/fleet" })}>To the fleet</Button>}
        >
          It was retired, or the address is wrong.
        </Empty>
      </WholePage>
    );
  }
  return <KnownAgent key={agentId} agent={agent} />;
}

function KnownAgent({ agent }: { agent: AgentView }) {
  const { tab = "console", command } = useSearch({ from: "/console/agents/$agentId" });
  const navigate = useNavigate({ from: "/agents/$agentId" });
  const pins = usePins();
  const [retiring, setRetiring] = useState(false);
  const chat = () => void navigate({ to: "/conversations/new", search: { to: `agent:${agent.id}` } });
  return (
    <>
      <AgentHeader
        agent={agent}
        isPinned={pins.ids.includes(agent.id)}
        onPin={() => pins.toggle(agent.id)}
        onChat={chat}
        onRetire={() => setRetiring(true)}
      />
      <AgentPresence agent={agent} />
      <QuarantineNote agent={agent} />
      <BeatStrip agent={agent} />
      <Tabs
        className={classes.tabs ?? ""}
        value={tab}
        onChange={(value) =>
          void navigate({ search: (old) => ({ ...old, tab: (value ?? "console") as AgentTab }), replace: true })
        }
      >
        <Tabs.List>
          <Tabs.Tab value="console">Console</Tabs.Tab>
          <Tabs.Tab value="runs">
            Runs <span className={classes.count}>{agent.runs.length > 0 ? agent.runs.length : ""}</span>
          </Tabs.Tab>
          <Tabs.Tab value="about">About</Tabs.Tab>
        </Tabs.List>
      </Tabs>
      {tab === "console" && (
        <AgentConsole
          agent={agent}
          commandId={command}
          onOpen={(id) => void navigate({ search: (old) => ({ ...old, command: id }), replace: true })}
        />
      )}
      {tab === "runs" && (
        <Runs
          agent={agent}
          conversations={
            <ConversationList
              agentId={agent.id}
              empty={<Empty title="No conversations yet" action={<Button onClick={chat}>Chat</Button>} />}
            />
          }
        />
      )}
      {tab === "about" && <About agent={agent} />}
      {retiring && (
        <Suspense fallback={null}>
          <RetireDialog
            agent={agent}
            onClose={() => setRetiring(false)}
            onRetired={() => void navigate({ to: "/fleet" })}
          />
        </Suspense>
      )}
    </>
  );
}
