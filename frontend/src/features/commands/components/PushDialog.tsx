import { Button, Modal, NumberInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { newKey } from "../../../http/key";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { AgentView, CommandView } from "../../../live/wire.gen";
import { pushCommand } from "../api/commands";
import { addressOf, reached } from "../targets";
import classes from "./PushDialog.module.css";
import { Reached } from "./Reached";
import { TargetField } from "./TargetField";

interface Props {
  /** Whom the dialog begins with. */
  to: string;
  agents: AgentView[];
  onClose(): void;
  onPushed(command: CommandView): void;
}

const TIMEOUT_S = 600;

/** A command for one agent, or for all that a selector names. */
export default function PushDialog({ to: first, agents, onClose, onPushed }: Props) {
  const [to, setTo] = useState(first);
  const [line, setLine] = useState("");
  const [timeout, setTimeout] = useState(TIMEOUT_S);
  const [key] = useState(newKey);
  const offline = useOffline();
  const targets = reached(to, agents);
  const push = useMutation({
    mutationFn: () => pushCommand({ to: addressOf(to), shell: line.trim(), timeout_s: timeout }, key),
    onSuccess: onPushed,
  });
  const canPush = offline === null && line.trim() !== "" && targets.length > 0;
  return (
    <Modal opened onClose={onClose} title="Push a command" size={560}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (canPush) push.mutate();
        }}
      >
        <TargetField to={to} agents={agents} onTo={setTo} autoFocus={!first} />
        <Reached targets={targets} to={to} />
        <TextInput
          label="Command line"
          description="It runs in each agent's own shell, with the rights of the agent."
          classNames={{ input: classes.line ?? "" }}
          value={line}
          placeholder="uname -a"
          autoComplete="off"
          spellCheck={false}
          autoFocus={Boolean(first)}
          data-autofocus={first ? true : undefined}
          onChange={(event) => setLine(event.currentTarget.value)}
        />
        <NumberInput
          label="Stop it after, in seconds"
          value={timeout}
          min={1}
          max={7200}
          clampBehavior="strict"
          hideControls
          className={classes.short ?? ""}
          onChange={(value) => setTimeout(Number(value) || TIMEOUT_S)}
        />
        {push.isError && <ProblemNote problem={asProblem(push.error)} />}
        <div className={classes.buttons}>
          <span>{offline}</span>
          <Button size="md" variant="subtle" onClick={onClose}>
            Cancel
          </Button>
          <Button size="md" variant="filled" type="submit" disabled={!canPush} loading={push.isPending}>
            {targets.length > 1 ? `Run on ${targets.length} agents` : "Run"}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
