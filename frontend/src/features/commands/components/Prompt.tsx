import { Button, Kbd } from "@mantine/core";
import { type KeyboardEvent, useRef, useState } from "react";
import { useKeys } from "../../../keys/useKeys";
import { useOffline } from "../../../live/hooks";
import classes from "./Console.module.css";

interface Props {
  name: string;
  /** Earlier lines, the latest first. */
  history: string[];
  /** Why this agent takes no commands. */
  refused: string | null;
  onPush(line: string): void;
}

/** A line for the agent's shell: ⏎ pushes it, arrow up brings earlier ones back. */
export function Prompt({ name, history, refused, onPush }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [line, setLine] = useState("");
  const [back, setBack] = useState(-1);
  const offline = useOffline();
  const reason = refused ?? offline;
  useKeys({ c: () => field.current?.focus() });

  const recall = (to: number) => {
    const next = Math.min(history.length - 1, Math.max(-1, to));
    setBack(next);
    setLine(history[next] ?? "");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowUp") recall(back + 1);
    else if (event.key === "ArrowDown") recall(back - 1);
    else if (event.key === "Escape") field.current?.blur();
    else return;
    event.preventDefault();
  };

  return (
    <form
      className={classes.prompt}
      onSubmit={(event) => {
        event.preventDefault();
        if (!line.trim() || reason !== null) return;
        onPush(line.trim());
        setLine("");
        setBack(-1);
      }}
    >
      <label htmlFor="prompt">{name} $</label>
      <input
        ref={field}
        id="prompt"
        value={line}
        disabled={refused !== null}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-label={`Command for ${name}`}
        onChange={(event) => setLine(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <span className={classes.reason}>{reason}</span>
      <Button
        type="submit"
        size="xs"
        disabled={reason !== null || !line.trim()}
        rightSection={<Kbd aria-hidden="true">⏎</Kbd>}
      >
        Run
      </Button>
    </form>
  );
}
