import { ActionIcon, Tooltip } from "@mantine/core";
import { IconChevronLeft, IconLayoutSidebarRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { PageHeader } from "../../../components/page/PageHeader";
import { Tally } from "../../../components/tally/Tally";
import { useAgent, useConversations } from "../../../live/hooks";
import type { ConversationView } from "../../../live/wire.gen";
import { useDetails } from "../details";
import classes from "./Conversation.module.css";

/** What the conversation is about, and who answers in it. */
export function ConversationHeader({ view }: { view: ConversationView }) {
  const listed = useConversations()?.[view.id];
  const { toggle } = useDetails();
  const back = (
    <Link to="/conversations" className={classes.back} aria-label="Back to conversations">
      <IconChevronLeft size={18} stroke={1.5} />
    </Link>
  );
  return (
    <PageHeader
      before={back}
      title={listed?.title || view.title || "A conversation"}
      beside={<Answerer agentId={view.agent_id} to={view.to} />}
    >
      <Tooltip label="Details">
        <ActionIcon aria-label="Details" onClick={toggle}>
          <IconLayoutSidebarRight size={16} stroke={1.5} />
        </ActionIcon>
      </Tooltip>
    </PageHeader>
  );
}

/** The agent that answers, or the selector that chooses one. */
function Answerer({ agentId, to }: { agentId: string; to: string }) {
  const agent = useAgent(agentId);
  if (!agent || to.startsWith("all:")) return <span className="mono">{to}</span>;
  return (
    <Link to="/agents/$agentId" params={{ agentId }} className={classes.chip}>
      <Tally state={agent.presence.state} facts={agent.presence} reason={agent.presence.reason} size={15} />
      <span>{agent.description.name}</span>
    </Link>
  );
}
