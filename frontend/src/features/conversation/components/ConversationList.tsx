import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { asProblem } from "../../../http/problem";
import { useConversations } from "../../../live/hooks";
import type { ConversationView } from "../../../live/wire.gen";
import { conversationsQuery } from "../api/conversations";
import { ConversationRow } from "./ConversationRow";
import classes from "./List.module.css";

interface Props {
  /** Only those with this agent. */
  agentId?: string;
  here?: string | undefined;
  empty: React.ReactNode;
}

/** Pages that were read, under what is live: the latest word on each conversation wins. */
function merged(
  pages: ConversationView[],
  live: Record<string, ConversationView>,
  agentId: string,
): ConversationView[] {
  const all = new Map(pages.map((view) => [view.id, view]));
  for (const view of Object.values(live)) if (!agentId || view.agent_id === agentId) all.set(view.id, view);
  return [...all.values()].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
}

/** Conversations, the latest first. */
export function ConversationList({ agentId = "", here, empty }: Props) {
  const live = useConversations();
  const read = useInfiniteQuery(conversationsQuery(agentId));
  const views = useMemo(
    () => merged(read.data?.pages.flatMap((page) => page.items) ?? [], live ?? {}, agentId),
    [read.data, live, agentId],
  );
  if (views.length === 0 && read.isPending) return <Loading what="conversations" rows={5} />;
  if (views.length === 0 && read.isError) {
    return (
      <Broken
        title="Conversations could not be read"
        problem={asProblem(read.error)}
        onRetry={() => void read.refetch()}
      />
    );
  }
  if (views.length === 0) return empty;
  return (
    <div className={classes.list} data-testid="conversation-list">
      {views.map((view) => (
        <ConversationRow key={view.id} view={view} isHere={view.id === here} />
      ))}
      {read.isError && (
        <Broken
          title="Earlier conversations could not be read"
          problem={asProblem(read.error)}
          onRetry={() => void read.refetch()}
        >
          What is shown is live.
        </Broken>
      )}
      {read.hasNextPage && (
        <div className={classes.more}>
          <Button variant="subtle" loading={read.isFetchingNextPage} onClick={() => void read.fetchNextPage()}>
            Earlier conversations
          </Button>
        </div>
      )}
    </div>
  );
}
