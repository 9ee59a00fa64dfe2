import { useCallback, useEffect } from "react";
import { serverNow } from "../../../clock/now";
import { LinkButton } from "../../../components/page/LinkButton";
import { useTitle } from "../../../components/page/useTitle";
import { Awaiting } from "../../../components/pictures/Awaiting";
import { Broken } from "../../../components/pictures/Broken";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { WholePage } from "../../../components/pictures/WholePage";
import { useKeys } from "../../../keys/useKeys";
import type { ConversationData } from "../../../live/conversationData";
import { useConversation, useStreamProblem } from "../../../live/hooks";
import { useLiveClient } from "../../../live/LiveProvider";
import { runsOf } from "../../../live/transcript";
import { forget, type Outgoing, say, useOutbox } from "../outbox";
import { activeRuns } from "../runView";
import { useUnsent } from "../unsent";
import { useStopRuns } from "../useStopRuns";
import { Composer } from "./Composer";
import classes from "./Conversation.module.css";
import { ConversationHeader } from "./ConversationHeader";
import { DetailsPanel } from "./DetailsPanel";
import { Thread } from "./Thread";

interface Props {
  id: string;
  /** Who writes here. */
  name: string;
}

/** Messages on their way to this conversation; one that has arrived is forgotten. */
function useOutgoing(id: string, data: ConversationData | null): Outgoing[] {
  const items = useOutbox((state) => state.items);
  const entries = data?.transcript.entries;
  const isHere = useCallback((item: Outgoing) => Boolean(item.sent && entries?.[item.sent.message_id]), [entries]);
  useEffect(() => {
    for (const item of items) if (isHere(item)) forget(item.ref);
  }, [items, isHere]);
  return items.filter((item) => (item.message.conversation || item.sent?.conversation) === id && !isHere(item));
}

/** One conversation: its thread, its composer, and beside them who answers. */
export function ConversationView({ id, name }: Props) {
  const data = useConversation(id);
  const problem = useStreamProblem(`conversation:${id}`);
  const client = useLiveClient();
  const [text, setText] = useUnsent(id);
  const outgoing = useOutgoing(id, data);
  const stopping = useStopRuns();
  const { stop } = stopping;
  const going = data ? activeRuns(runsOf(data.transcript)) : [];
  const stopAll = () => stop(going.filter((run) => !run.stop).map((run) => run.id));
  const stopOne = useCallback((runId: string) => stop([runId]), [stop]);
  useTitle(data?.view.title ?? "Conversation");
  useKeys({ s: stopAll });

  if (!data && problem) {
    return (
      <WholePage>
        <Broken problem={problem} action={<LinkButton to="/conversations">All conversations</LinkButton>} />
      </WholePage>
    );
  }
  if (!data) return <Awaiting what="the conversation" rows={5} />;
  return (
    <>
      <ConversationHeader view={data.view} />
      <div className={classes.columns}>
        <div className={classes.chat}>
          <Thread
            data={data}
            outgoing={outgoing}
            name={name}
            onEdit={setText}
            onStop={going.length > 1 ? stopOne : undefined}
          />
          {stopping.problem && (
            <div className={classes.problem}>
              <ProblemNote problem={stopping.problem} />
            </div>
          )}
          <Composer
            key={id}
            text={text}
            onText={setText}
            placeholder={going.length > 0 ? "Say more" : "Say something"}
            onSend={(said) =>
              void say(client, { text: said, to: "", conversation: id }, new Date(serverNow()).toISOString())
            }
            onStop={going.length > 0 ? stopAll : undefined}
            isStopping={going.every((run) => run.stop !== null)}
            autoFocus
          />
        </div>
        <DetailsPanel data={data} />
      </div>
    </>
  );
}
