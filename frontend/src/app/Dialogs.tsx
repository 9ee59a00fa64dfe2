import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { JoinPanel } from "../features/join/components/JoinPanel";
import { systemQuery } from "../features/system/api/system";
import { useFleet } from "../live/hooks";
import type { CommandView } from "../live/wire.gen";
import { useDialogs } from "./dialogStore";

const PushDialog = lazy(() => import("../features/commands/components/PushDialog"));

/** Dialogs that open from anywhere. */
export function Dialogs() {
  const { push, join, close } = useDialogs();
  return (
    <>
      {push !== null && <Push to={push} onClose={close} />}
      <Modal opened={join} onClose={close} title="Add an agent" size={720}>
        {join && <Join />}
      </Modal>
    </>
  );
}

function Join() {
  const system = useQuery(systemQuery);
  return <JoinPanel system={system.data} />;
}

/** A command for one agent is seen on the agent's page, one for several on its own. */
function Push({ to, onClose }: { to: string; onClose(): void }) {
  const agents = Object.values(useFleet() ?? {});
  const navigate = useNavigate();
  const open = (command: CommandView) => {
    const [only, ...others] = command.targets;
    onClose();
    if (only && others.length === 0) {
      void navigate({ to: "/agents/$agentId", params: { agentId: only.agent_id }, search: { command: command.id } });
    } else {
      void navigate({ to: "/commands/$commandId", params: { commandId: command.id } });
    }
  };
  return (
    <Suspense fallback={null}>
      <PushDialog to={to} agents={agents} onClose={onClose} onPushed={open} />
    </Suspense>
  );
}
