import { Drawer } from "@mantine/core";
import type { ConversationData } from "../../../live/conversationData";
import { useDetails } from "../details";
import { AgentDetails } from "./AgentDetails";
import classes from "./Conversation.module.css";
import { ConversationFacts } from "./ConversationFacts";
import { RunList } from "./RunList";

/** What belongs to a conversation: who answers, its runs, its own facts. */
export function DetailsPanel({ data }: { data: ConversationData }) {
  const { inline, drawer, close } = useDetails();
  const content = (
    <>
      <AgentDetails agentId={data.view.agent_id} to={data.view.to} />
      <RunList data={data} />
      <ConversationFacts view={data.view} />
    </>
  );
  return (
    <>
      {inline && (
        <aside className={classes.panel} data-inline aria-label="Details">
          {content}
        </aside>
      )}
      <Drawer opened={drawer} onClose={close} position="right" size={340} title="Details" padding={0}>
        {content}
      </Drawer>
    </>
  );
}
