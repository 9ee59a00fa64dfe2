import { ActionIcon, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useCopy } from "./useCopy";

/** A small sign that copies `text`; `what` names it: "Copy the agent's id". */
export function CopyIcon({ text, what }: { text: string; what: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <Tooltip label={copied ? "Copied" : `Copy ${what}`}>
      <ActionIcon size="xs" aria-label={copied ? "Copied" : `Copy ${what}`} onClick={copy}>
        {copied ? <IconCheck size={14} stroke={1.5} /> : <IconCopy size={14} stroke={1.5} />}
      </ActionIcon>
    </Tooltip>
  );
}
