import { Button, Modal, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { AgentView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { retireAgent } from "../api/agent";
import classes from "./Agent.module.css";

interface Props {
  agent: AgentView;
  onClose(): void;
  onRetired(): void;
}

/** Ends an agent for good; its name is typed first, and the button says what happens. */
export default function RetireDialog({ agent, onClose, onRetired }: Props) {
  const { name } = agent.description;
  const [typed, setTyped] = useState("");
  const offline = useOffline();
  const retire = useMutation({ mutationFn: () => retireAgent(agent.id), onSuccess: onRetired });
  return (
    <Modal opened onClose={onClose} title={`Retire ${name}`} size={480}>
      <form
        className={classes.retire}
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name && offline === null) retire.mutate();
        }}
      >
        <p>
          Its credentials end at once, what waits in its queue is not delivered, and it cannot come back under this
          identity. Its conversations stay.
          {agent.runs.length > 0 &&
            ` It holds ${agent.runs.length} run${agent.runs.length === 1 ? "" : "s"} now; they are interrupted.`}
        </p>
        <TextInput
          label={`Type ${name} to go on`}
          value={typed}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        {retire.isError && <ProblemNote problem={asProblem(retire.error)} />}
        <div className={classes.buttons}>
          <Button size="md" variant="subtle" onClick={onClose}>
            Keep it
          </Button>
          <Button
            size="md"
            type="submit"
            loading={retire.isPending}
            disabled={typed !== name || offline !== null}
            title={offline ?? ""}
            style={typed === name ? { color: stateColor.failed } : undefined}
          >
            Retire {name} for good
          </Button>
        </div>
      </form>
    </Modal>
  );
}
