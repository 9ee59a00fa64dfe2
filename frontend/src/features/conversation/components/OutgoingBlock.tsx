import { Button } from "@mantine/core";
import { Receipt } from "../../../components/marks/Receipt";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { useOffline } from "../../../live/hooks";
import { useLiveClient } from "../../../live/LiveProvider";
import { type Outgoing, sayAgain, takeBack } from "../outbox";
import { SaidBlock } from "./SaidBlock";
import classes from "./Thread.module.css";

interface Props {
  item: Outgoing;
  name: string;
  /** Puts the text back into the composer. */
  onEdit(text: string): void;
}

const WORDS: Record<Outgoing["state"], string> = {
  sending: "sending",
  silent: "no answer yet",
  stored: "stored",
  failed: "not stored",
};

/** A message that the server does not have yet, or could not take. */
export function OutgoingBlock({ item, name, onEdit }: Props) {
  const client = useLiveClient();
  const offline = useOffline();
  const receipt = (
    <span className={classes.receipt} data-testid="receipt">
      <Receipt stored={item.state === "stored"} started={false} />
      {WORDS[item.state]}
    </span>
  );
  return (
    <>
      <SaidBlock
        name={name}
        at={item.at}
        text={item.message.text}
        receipt={receipt}
        isOnItsWay={item.state !== "stored"}
      />
      {item.problem && (
        <div className={classes.failed}>
          <ProblemNote problem={item.problem} />
          <Button disabled={offline !== null} onClick={() => void sayAgain(client, item)}>
            Try again
          </Button>
          <Button variant="subtle" onClick={() => onEdit(takeBack(client, item))}>
            Edit
          </Button>
        </div>
      )}
    </>
  );
}
