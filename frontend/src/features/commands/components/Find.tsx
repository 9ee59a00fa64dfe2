import { ActionIcon, TextInput } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconX } from "@tabler/icons-react";
import { useState } from "react";
import classes from "./Console.module.css";

interface Props {
  onFind(text: string, back: boolean): boolean;
  onClose(): void;
}

/** Finds a text in the output, forwards and back. */
export function Find({ onFind, onClose }: Props) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(true);
  const find = (value: string, back: boolean) => setFound(value === "" || onFind(value, back));
  return (
    <search className={classes.find}>
      <TextInput
        autoFocus
        value={text}
        placeholder="Find in the output"
        aria-label="Find in the output"
        onChange={(event) => {
          setText(event.currentTarget.value);
          find(event.currentTarget.value, false);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") find(text, event.shiftKey);
          if (event.key === "Escape") onClose();
        }}
      />
      <span role="status">{found ? "" : "not found"}</span>
      <ActionIcon aria-label="Previous" onClick={() => find(text, true)}>
        <IconChevronUp size={14} stroke={1.5} />
      </ActionIcon>
      <ActionIcon aria-label="Next" onClick={() => find(text, false)}>
        <IconChevronDown size={14} stroke={1.5} />
      </ActionIcon>
      <ActionIcon aria-label="Close the search" onClick={onClose}>
        <IconX size={14} stroke={1.5} />
      </ActionIcon>
    </search>
  );
}
