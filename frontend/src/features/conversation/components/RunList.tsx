import { UnstyledButton } from "@mantine/core";
import { Age } from "../../../clock/Age";
import { duration } from "../../../format/duration";
import type { ConversationData } from "../../../live/conversationData";
import { isOver, type Run, runsOf } from "../../../live/transcript";
import { stateColor } from "../../../theme/states";
import { type Stage, stageOf } from "../runView";
import classes from "./Conversation.module.css";

/** The latest runs that are listed. */
const MOST = 12;

function colorOf(stage: Stage): string {
  if (stage === "failed") return stateColor.failed;
  return stage === "finished" || stage === "stopped" ? "var(--mu-t3)" : stateColor.busy;
}

function show(run: Run): void {
  document.querySelector(`[data-run="${CSS.escape(run.id)}"]`)?.scrollIntoView({ block: "center" });
}

/** The conversation's runs, newest first; each leads to its place in the thread. */
export function RunList({ data }: { data: ConversationData }) {
  const runs = runsOf(data.transcript).filter((run) => !run.branches);
  if (runs.length === 0) return null;
  return (
    <section className={classes.section}>
      <h2>Runs</h2>
      {runs
        .slice(-MOST)
        .reverse()
        .map((run) => {
          const stage = stageOf(run, data.drafts[run.id]);
          const ended = run.finished ?? run.error;
          const tools = run.tools.length;
          return (
            <UnstyledButton key={run.id} className={classes.run} onClick={() => show(run)} title={run.id}>
              <span>
                {run.agentName || "an agent"}
                {tools > 0 && (
                  <span style={{ color: "var(--mu-t3)" }}>, {tools === 1 ? "1 tool call" : `${tools} tool calls`}</span>
                )}
              </span>
              <span style={{ color: colorOf(stage) }}>{stage}</span>
              <span>
                {isOver(run) && ended ? duration(ended.duration_ms) : <Age since={run.startedAt ?? run.at} />}
              </span>
            </UnstyledButton>
          );
        })}
    </section>
  );
}
