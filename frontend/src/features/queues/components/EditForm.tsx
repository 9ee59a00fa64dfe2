import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { DeadLetterDetail } from "../../../live/wire.gen";
import { editLetter, LETTERS } from "../api/letters";
import { indented, jsonFault } from "../json";
import classes from "./Letter.module.css";

interface Props {
  detail: DeadLetterDetail;
  onClose(): void;
}

/** Another body or address; what is not changed is not sent. */
export function EditForm({ detail, onClose }: Props) {
  const { letter } = detail;
  const [first] = useState({ body: indented(detail.body), to: letter.to });
  const [body, setBody] = useState(first.body);
  const [to, setTo] = useState(first.to);
  const offline = useOffline();
  const queries = useQueryClient();
  const change = { ...(body !== first.body ? { body } : {}), ...(to.trim() !== first.to ? { to: to.trim() } : {}) };
  const isChanged = Object.keys(change).length > 0;
  const save = useMutation({
    mutationFn: () => editLetter(letter.id, change),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: LETTERS });
      onClose();
    },
  });
  // A body that was JSON should still be; saving it is possible all the same, as it may be meant.
  const fault = jsonFault(first.body) === null ? jsonFault(body) : null;
  const canSave = isChanged && offline === null && !save.isPending;
  return (
    <form
      className={classes.edit}
      onSubmit={(event) => {
        event.preventDefault();
        if (canSave) save.mutate();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && canSave) save.mutate();
      }}
    >
      <TextInput
        label="Send it to"
        description={
          detail.may_readdress
            ? "With another address the broker routes it anew: agent:name, any:selector, all:selector"
            : "Its run belongs to this agent: no other can answer it. Send the text to another one as a new message."
        }
        disabled={!detail.may_readdress}
        value={to}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <Textarea
        label="Body"
        classNames={{ input: classes.text ?? "" }}
        value={body}
        rows={Math.min(22, Math.max(8, body.split("\n").length + 1))}
        autoComplete="off"
        spellCheck={false}
        disabled={!detail.body_complete}
        data-autofocus
        error={fault && `No longer JSON: ${fault}`}
        onChange={(event) => setBody(event.currentTarget.value)}
      />
      {save.isError && <ProblemNote problem={asProblem(save.error)} />}
      <div className={classes.buttons}>
        <span>{offline}</span>
        <Button size="md" variant="subtle" onClick={onClose}>
          Cancel
        </Button>
        <Button size="md" variant="filled" type="submit" disabled={!canSave} loading={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  );
}
