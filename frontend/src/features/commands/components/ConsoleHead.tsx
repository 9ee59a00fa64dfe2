import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconDownload, IconPlayerStopFilled, IconSearch } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { plainText } from "../../../components/ansi/parse";
import { Id } from "../../../components/text/Id";
import { useKeys } from "../../../keys/useKeys";
import { useOffline } from "../../../live/hooks";
import type { CommandView, TargetView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { wholeOutput } from "../api/commands";
import { exitText, isOver, lineOf, STATE_WORD, toneOf } from "../progress";
import { saveText } from "../saveText";
import { useStop } from "../useStop";
import classes from "./Console.module.css";
import { Took } from "./Took";

interface Props {
  command: CommandView;
  target: TargetView;
  onFind(): void;
}

/** The exact line, how it stands, and what can be done with it. */
export function ConsoleHead({ command, target, onFind }: Props) {
  const offline = useOffline();
  const { stop } = useStop(command.id, target.agent_id);
  const canStop = !isOver(target) && !target.stop_requested_at;
  const save = useMutation({
    mutationFn: () => wholeOutput(command.id, target.agent_id),
    onSuccess: (text) => saveText(plainText(text), `${target.agent_name}-${command.id}.txt`),
  });
  useKeys({ s: () => canStop && offline === null && stop(false) });
  return (
    <div className={classes.head}>
      <span className={classes.exact} title={lineOf(command)}>
        <span>$</span> {lineOf(command)}
      </span>
      <Id id={command.id} what="the command's id" />
      <span className={classes.outcome} data-testid="command-state" data-state={target.state}>
        <span style={{ color: stateColor[toneOf(target.state)] }}>{STATE_WORD[target.state]}</span>
        {target.exit_code !== null && <span data-testid="exit-code">{exitText(target.exit_code)}</span>}
        <Took target={target} />
      </span>
      {canStop && (
        <Button
          disabled={offline !== null}
          title={offline ?? "Stop (s)"}
          leftSection={<IconPlayerStopFilled size={11} aria-hidden="true" />}
          onClick={() => stop(false)}
        >
          Stop
        </Button>
      )}
      <Tooltip label="Search the output">
        <ActionIcon aria-label="Search the output" onClick={onFind}>
          <IconSearch size={14} stroke={1.5} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={save.isError ? "The output could not be read. Try again." : "Download as text"}>
        <ActionIcon aria-label="Download as text" loading={save.isPending} onClick={() => save.mutate()}>
          <IconDownload size={14} stroke={1.5} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
