import { Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { asProblem } from "../../../http/problem";
import { letterQuery } from "../api/letters";
import { type Agents, reasonSentence } from "../words";
import classes from "./Letter.module.css";
import { LetterSheet } from "./LetterSheet";

interface Props {
  id: string;
  agents: Agents;
  onClose(): void;
}

/** One dead letter beside the list: why it died, its way, its content, and what can be done with it. */
export function LetterDrawer({ id, agents, onClose }: Props) {
  const [editing, setEditing] = useState(false);
  const letter = useQuery(letterQuery(id));
  const title = letter.data ? reasonSentence(letter.data.letter.reason) : "Dead letter";
  return (
    <Drawer
      opened
      onClose={onClose}
      // What one has written is not lost by a stray key or click.
      closeOnEscape={!editing}
      closeOnClickOutside={!editing}
      position="right"
      size="min(640px, 100vw)"
      padding={0}
      title={title}
      classNames={{ content: classes.content ?? "", body: classes.drawer ?? "" }}
    >
      {letter.isPending && <Loading what="the dead letter" rows={6} />}
      {letter.isError && (
        <Broken
          title={letter.data ? "This may be old" : "This dead letter could not be read"}
          problem={asProblem(letter.error)}
          onRetry={() => void letter.refetch()}
        />
      )}
      {letter.data && <LetterSheet detail={letter.data} agents={agents} editing={editing} onEditing={setEditing} />}
    </Drawer>
  );
}
