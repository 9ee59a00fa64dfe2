import { UnstyledButton } from "@mantine/core";
import { memo } from "react";
import { Moment } from "../../../clock/Moment";
import { shortId } from "../../../format/words";
import type { CommandView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { exitText, isOver, lineOf, STATE_WORD, targetOf, toneOf } from "../progress";
import classes from "./CommandList.module.css";
import { Took } from "./Took";

interface Props {
  command: CommandView;
  agentId: string;
  isHere: boolean;
  onOpen(id: string): void;
}

/** One command in an agent's list: the line, how long, who pushed it, how it stands. */
export const CommandRow = memo(function CommandRow({ command, agentId, isHere, onOpen }: Props) {
  const target = targetOf(command, agentId);
  if (!target) return null;
  const tone = toneOf(target.state);
  const loud = tone === "busy" || tone === "failed";
  const color = loud ? stateColor[tone] : undefined;
  const code = target.exit_code ? `, ${exitText(target.exit_code)}` : "";
  return (
    <UnstyledButton
      className={classes.row}
      aria-pressed={isHere}
      data-testid="command-row"
      data-state={target.state}
      onClick={() => onOpen(command.id)}
    >
      <i style={{ background: color }} aria-hidden="true" />
      <span className={classes.line}>{lineOf(command)}</span>
      <Took target={target} className={classes.took} />
      <span className={classes.detail}>
        <span className="mono">{shortId(command.id)}</span> {command.by}
      </span>
      <span className={classes.standing}>
        <span style={{ color }}>
          {STATE_WORD[target.state]}
          {code}
        </span>{" "}
        {isOver(target) ? <Moment at={target.ended_at ?? command.created_at} /> : "now"}
      </span>
    </UnstyledButton>
  );
});
