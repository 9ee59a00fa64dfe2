import { UnstyledButton } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { ConversationData } from "../../../live/conversationData";
import { type Run, runOf } from "../../../live/transcript";
import type { Outgoing } from "../outbox";
import { useSticky } from "../useSticky";
import { Earlier } from "./Earlier";
import { FanOut } from "./FanOut";
import { FinishedAloud } from "./FinishedAloud";
import { OutgoingBlock } from "./OutgoingBlock";
import { RunBlock } from "./RunBlock";
import { SaidBlock } from "./SaidBlock";
import { StoredReceipt } from "./StoredReceipt";
import classes from "./Thread.module.css";

interface Props {
  data: ConversationData;
  /** Messages of this page that are not in the conversation yet. */
  outgoing: Outgoing[];
  name: string;
  onEdit(text: string): void;
  /** Absent when only one run goes on. */
  onStop: ((runId: string) => void) | undefined;
}

/** When the first of the runs that answer a message began. */
function startOf(data: ConversationData, runId: string): string | null {
  const run = runOf(data.transcript, runId);
  const branches = run?.branches?.flatMap((branch) => runOf(data.transcript, branch.run_id) ?? []) ?? [];
  const starts = [run, ...branches].flatMap((one: Run | null) => one?.firstStartedAt ?? []);
  return starts.sort()[0] ?? null;
}

/** The conversation from its earliest known event to what is being written. */
export function Thread({ data, outgoing, name, onEdit, onStop }: Props) {
  const sticky = useSticky(data.firstSeq);
  const { order, entries } = data.transcript;
  return (
    <div className={classes.frame}>
      <div
        ref={sticky.box}
        className={classes.box}
        onScroll={sticky.onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus a keyboard cannot scroll it
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Conversation"
        data-testid="thread"
      >
        <div ref={sticky.content} className={classes.content}>
          <Earlier data={data} box={sticky.box} />
          {order.map((key) => {
            const entry = entries[key];
            if (!entry) return null;
            if (entry.kind === "run" && entry.branches) return <FanOut key={key} branches={entry.branches} />;
            if (entry.kind === "run") {
              return <RunBlock key={key} run={entry} draft={data.drafts[key]} onStop={onStop} />;
            }
            const { message, at } = entry;
            return (
              <SaidBlock
                key={key}
                name={message.sender_name}
                at={at}
                text={message.text}
                receipt={<StoredReceipt at={at} startedAt={startOf(data, message.run_id)} />}
              />
            );
          })}
          {outgoing.map((item) => (
            <OutgoingBlock key={item.ref} item={item} name={name} onEdit={onEdit} />
          ))}
        </div>
      </div>
      {!sticky.atEnd && (
        <UnstyledButton className={classes.jump} onClick={sticky.toEnd}>
          <IconChevronDown size={14} stroke={1.5} aria-hidden="true" />
          jump to latest
        </UnstyledButton>
      )}
      <FinishedAloud transcript={data.transcript} />
    </div>
  );
}
