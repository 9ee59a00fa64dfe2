import { UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { Age } from "../../../clock/Age";
import { duration } from "../../../format/duration";
import type { ToolCall } from "../../../live/transcript";
import type { ToolResult } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import classes from "./ToolCard.module.css";
import { ToolIcon } from "./ToolIcon";
import { ToolOutput } from "./ToolOutput";

interface Props {
  call: ToolCall;
  /** What the tool wrote so far, while it runs. */
  live: string;
  /** The run has ended; a tool without a result will not have one. */
  isOver: boolean;
}

function Outcome({ result }: { result: ToolResult }) {
  const { exit_code: code, ok } = result;
  const bad = { color: stateColor.failed };
  return (
    <>
      {code !== null && (
        <span style={code === 0 ? undefined : bad} data-testid="tool-exit">
          {code < 0 ? `signal ${-code}` : `exit ${code}`}
        </span>
      )}
      {code === null && !ok && <span style={bad}>failed</span>}
      <span className={classes.quiet}>{duration(result.duration_ms)}</span>
    </>
  );
}

/** A tool call: the intent, what it acts on, its output as it comes, how it ended. */
export function ToolCard({ call, live, isOver }: Props) {
  const [isOpen, setOpen] = useState(true);
  const { start, result, startedAt } = call;
  const hasOutput = (result?.output ?? live) !== "";
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <section
      className={classes.card}
      data-testid="tool-card"
      data-tool={start.tool}
      aria-label={`${start.title}: ${start.subject}`}
    >
      <UnstyledButton
        className={classes.head}
        aria-expanded={hasOutput ? isOpen : undefined}
        disabled={!hasOutput}
        onClick={() => setOpen(!isOpen)}
      >
        <ToolIcon tool={start.tool} />
        <span className={classes.title}>{start.title}</span>
        <span className={classes.subject} title={start.subject}>
          {start.subject}
        </span>
        <span className={classes.outcome}>
          {result && <Outcome result={result} />}
          {!result && isOver && <span className={classes.quiet}>no result</span>}
          {!result && !isOver && (
            <span style={{ color: stateColor.busy }}>
              running <Age since={startedAt} as="precise" />
            </span>
          )}
          {hasOutput && <Chevron size={14} stroke={1.5} aria-hidden="true" />}
        </span>
      </UnstyledButton>
      {hasOutput && isOpen && <ToolOutput call={call} live={live} />}
    </section>
  );
}
