import { Button, Kbd } from "@mantine/core";
import { useState } from "react";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { DeadLetterDetail } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { useHandling } from "../useHandling";
import type { Agents } from "../words";
import { ConfirmDialog } from "./ConfirmDialog";
import { EditForm } from "./EditForm";
import classes from "./Letter.module.css";
import { LetterBody } from "./LetterBody";
import { LetterFacts } from "./LetterFacts";
import { Way } from "./Way";

interface Props {
  detail: DeadLetterDetail;
  agents: Agents;
  editing: boolean;
  onEditing(editing: boolean): void;
}

/** Everything of a dead letter, and below it what can be done. */
export function LetterSheet({ detail, agents, editing, onEditing }: Props) {
  const { letter } = detail;
  const [dropping, setDropping] = useState(false);
  const offline = useOffline();
  const handling = useHandling(() => setDropping(false));
  const failed = handling.data?.error ?? handling.error;
  const isWaiting = letter.state === "waiting";
  const canAct = isWaiting && !editing && offline === null && !handling.isPending;
  const act = (action: "replay" | "drop") => handling.mutate({ action, ids: [letter.id] });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a key for the button that has the focus within reach
    <div
      className={classes.sheet}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && canAct) act("replay");
      }}
    >
      <div className={classes.scroll}>
        <LetterFacts detail={detail} agents={agents} />
        <Way detail={detail} agents={agents} />
        {editing && isWaiting ? (
          <EditForm detail={detail} onClose={() => onEditing(false)} />
        ) : (
          <LetterBody detail={detail} />
        )}
      </div>
      {isWaiting && !editing && (
        <div className={classes.footer} data-testid="letter-actions">
          {Boolean(failed) && <ProblemNote problem={asProblem(failed)} />}
          <Button
            size="md"
            disabled={!canAct}
            title={offline ?? ""}
            style={canAct ? { color: stateColor.failed } : undefined}
            onClick={() => setDropping(true)}
          >
            Drop…
          </Button>
          <span className={classes.spring} />
          {(detail.body_complete || detail.may_readdress) && (
            <Button size="md" disabled={!canAct} onClick={() => onEditing(true)}>
              Edit
            </Button>
          )}
          <Button
            size="md"
            variant="filled"
            disabled={!canAct}
            title={offline ?? ""}
            loading={handling.isPending}
            rightSection={<Kbd>⌘⏎</Kbd>}
            onClick={() => act("replay")}
          >
            Replay this message
          </Button>
        </div>
      )}
      {dropping && (
        <ConfirmDialog
          wish={{ action: "drop" }}
          number={1}
          handling={handling}
          onConfirm={() => act("drop")}
          onClose={() => setDropping(false)}
        />
      )}
    </div>
  );
}
