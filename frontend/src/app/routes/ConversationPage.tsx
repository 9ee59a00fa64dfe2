import { ActionIcon } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { PageHeader } from "../../components/page/PageHeader";
import { ConversationList } from "../../features/conversation/components/ConversationList";
import { ConversationView } from "../../features/conversation/components/ConversationView";
import { sessionQuery } from "../../features/session/api/session";
import classes from "./ConversationPage.module.css";

/** One conversation; on wide screens the others beside it. */
export function ConversationPage() {
  const { conversationId } = useParams({ from: "/console/conversations/$conversationId" });
  const session = useQuery(sessionQuery);
  return (
    <div className={classes.columns}>
      <aside className={classes.list} aria-label="Conversations">
        <PageHeader title="Conversations">
          <ActionIcon component={Link} to="/conversations/new" aria-label="New conversation" title="New conversation">
            <IconPlus size={14} stroke={1.5} />
          </ActionIcon>
        </PageHeader>
        <ConversationList here={conversationId} empty={null} />
      </aside>
      <div className={classes.page}>
        <ConversationView key={conversationId} id={conversationId} name={session.data?.name ?? "you"} />
      </div>
    </div>
  );
}
