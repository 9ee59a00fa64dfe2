import { UnstyledButton } from "@mantine/core";
import { Age } from "../../../clock/Age";
import { duration } from "../../../format/duration";
import { counted } from "../../../format/words";
import type { ConversationData } from "../../../live/conversationData";
import { useAgent } from "../../../live/hooks";
import { type Run, runsOf } from "../../../live/transcript";
import { stateColor } from "../../../theme/states";
import { type Stage, stageOf } from "../runView";
import classes from "./Conversation.module.css";

/** The latest runs that are listed. */
const MOST = 12;

function colorOf(stage: Stage): string {
  if (stage === "failed") return stateColor.failed;
  return ["finished", "stopped", "waiting", "queued"].includes(stage) ? "var(--mu-t3)" : stateColor.busy;
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
        .map((run) => (
          <RunLine key={run.id} run={run} stage={stageOf(run, data.drafts[run.id])} />
        ))}
    </section>
  );
}

function RunLine({ run, stage }: { run: Run; stage: Stage }) {
  const agent = useAgent(run.agentId);
  const ended = run.finished ?? run.error;
  const tools = run.tools.length;
  return (
    <UnstyledButton className={classes.run} onClick={() => show(run)} title={run.id}>
      <span>
        {run.agentName || agent?.description.name || "an agent"}
        {tools > 0 && <small>, {counted(tools, "tool call")}</small>}
      </span>
      <span style={{ color: colorOf(stage) }}>{stage}</span>
      <span>{ended ? duration(ended.duration_ms) : <Age since={run.startedAt ?? run.at} />}</span>
    </UnstyledButton>
  );
}
