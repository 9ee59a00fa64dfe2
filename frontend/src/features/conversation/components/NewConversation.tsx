import { useEffect, useState } from "react";
import { serverNow } from "../../../clock/now";
import { PageHeader } from "../../../components/page/PageHeader";
import { useTitle } from "../../../components/page/useTitle";
import { useFleet } from "../../../live/hooks";
import { useLiveClient } from "../../../live/LiveProvider";
import type { AgentView } from "../../../live/wire.gen";
import { say, useOutbox } from "../outbox";
import { useUnsent } from "../unsent";
import { AgentIntroduction } from "./AgentIntroduction";
import { Composer } from "./Composer";
import classes from "./New.module.css";
import { OutgoingBlock } from "./OutgoingBlock";
import { ToPicker } from "./ToPicker";

interface Props {
  /** The address to begin with, and what to say first. */
  to: string;
  text: string;
  name: string;
  onTo(to: string): void;
  onBegun(conversation: string): void;
}

function agentAt(to: string, agents: AgentView[]): AgentView | null {
  const value = to.startsWith("agent:") ? to.slice("agent:".length) : null;
  return agents.find(({ id, description }) => id === value || description.name === value) ?? null;
}

/** The first words of a conversation, and to whom. */
export function NewConversation({ to, text: given, name, onTo, onBegun }: Props) {
  useTitle("New conversation");
  const client = useLiveClient();
  const agents = Object.values(useFleet() ?? {});
  const [text, setText] = useUnsent("new", given);
  const [began] = useState(() => Date.now());
  const items = useOutbox((state) => state.items);
  const outgoing = items.filter((item) => !item.message.conversation && Date.parse(item.at) >= began - 60_000);
  const begun = outgoing.find((item) => item.sent)?.sent?.conversation;
  useEffect(() => {
    if (begun) onBegun(begun);
  }, [begun, onBegun]);
  const agent = agentAt(to, agents);
  return (
    <>
      <PageHeader title="New conversation" beside={<ToPicker to={to} agents={agents} onTo={onTo} />} />
      <div className={classes.frame}>
        <div className={classes.middle}>
          {outgoing.length === 0 && <AgentIntroduction agent={agent} to={to} onExample={setText} />}
          {outgoing.map((item) => (
            <OutgoingBlock key={item.ref} item={item} name={name} onEdit={setText} />
          ))}
        </div>
        <Composer
          text={text}
          onText={setText}
          placeholder={agent ? `Say something to ${agent.description.name}` : "Say something"}
          blocked={to ? null : "Choose who shall answer."}
          onSend={(said) => void say(client, { text: said, to, conversation: "" }, new Date(serverNow()).toISOString())}
          autoFocus
        />
      </div>
    </>
  );
}
