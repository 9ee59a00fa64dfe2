import { Checkbox, UnstyledButton } from "@mantine/core";
import { memo } from "react";
import { Moment } from "../../../clock/Moment";
import type { DeadLetterView } from "../../../live/wire.gen";
import { type Agents, queueLabel, reasonWord, summary } from "../words";
import classes from "./Room.module.css";

interface Props {
  letter: DeadLetterView;
  agents: Agents;
  isHere: boolean;
  /** Null where it cannot be selected. */
  isSelected: boolean | null;
  onSelect(id: string): void;
  onOpen(id: string): void;
}

/** One dead letter in one line: why, what, where, when. */
export const LetterRow = memo(function LetterRow(props: Props) {
  const { letter, agents, isHere, isSelected, onSelect, onOpen } = props;
  const { id, reason, detail, edited, handled_by: by, handled_at: at } = letter;
  return (
    <div className={classes.row} data-letter={id} data-here={isHere || undefined} data-testid="letter-row">
      {isSelected !== null && (
        <Checkbox
          size="xs"
          className={classes.check ?? ""}
          checked={isSelected}
          aria-label={`Select ${reasonWord(reason)}, ${summary(letter, agents)}`}
          onChange={() => onSelect(id)}
        />
      )}
      <UnstyledButton className={classes.open} data-open onClick={() => onOpen(id)}>
        <span className={classes.why}>{reasonWord(reason)}</span>
        <span className={classes.what}>
          {summary(letter, agents)}
          {edited && <span className={classes.mark}>edited</span>}
          <span className={classes.detail}>{at ? `${letter.state} by ${by}` : detail}</span>
        </span>
        <span className={classes.where} title={letter.queue}>
          {queueLabel(letter.queue, agents)}
        </span>
        <Moment at={at ?? letter.died_at} className={classes.when} />
      </UnstyledButton>
    </div>
  );
});
