import { UnstyledButton } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { counted } from "../../../format/words";
import classes from "./Console.module.css";

/** What came below while the reader was above. */
export function JumpPill({ lines, onJump }: { lines: number; onJump(): void }) {
  return (
    <UnstyledButton className={classes.jump} onClick={onJump}>
      <IconChevronDown size={14} stroke={1.5} aria-hidden="true" />
      {counted(lines, "new line")} · jump to latest
    </UnstyledButton>
  );
}
