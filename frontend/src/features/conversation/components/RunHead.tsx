import { Button } from "@mantine/core";
import { IconPlayerStopFilled } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useNow } from "../../../clock/now";
import { duration, precise } from "../../../format/duration";
import { epochMs } from "../../../format/moment";
import { shortId } from "../../../format/words";
import type { Writing } from "../../../live/conversationData";
import type { Run } from "../../../live/transcript";
import type { AgentView } from "../../../live/wire.gen";
import { strokeColor } from "../../../theme/states";
import type { Stage } from "../runView";
import { useRate } from "../useRate";
import classes from "./Thread.module.css";

interface Props {
  /** The sign of who answers, where there is no gutter for it. */
  sign: ReactNode;
  run: Run;
  draft: Writing | undefined;
  stage: Stage;
  agent: AgentView | null;
  /** Absent when the composer's Stop is enough. */
  onStop: ((runId: string) => void) | undefined;
}

/** Who answers, where and with which model; how it goes on or how long it took. */
export function RunHead({ sign, run, draft, stage, agent, onStop }: Props) {
  const name = run.agentName || agent?.description.name || "an agent";
  const place = [agent?.description.machine.hostname, agent?.description.model].filter(Boolean).join(", ");
  const isGoing = ["waiting", "queued", "starting", "working", "writing"].includes(stage);
  return (
    <div className={classes.head}>
      <span className={classes.sign}>{sign}</span>
      {run.agentId ? (
        <Link to="/agents/$agentId" params={{ agentId: run.agentId }} className={classes.agent}>
          {name}
        </Link>
      ) : (
        <b>{name}</b>
      )}
      <span className={classes.tiny}>{place}</span>
      {run.attempt > 1 && <span className={classes.tiny}>attempt {run.attempt}</span>}
      <span className={classes.end}>
        <Progress run={run} draft={draft} stage={stage} />
        {isGoing && onStop && (
          <Button
            size="xs"
            className={classes.stop ?? ""}
            leftSection={<IconPlayerStopFilled size={10} aria-hidden="true" />}
            onClick={() => onStop(run.id)}
          >
            Stop
          </Button>
        )}
      </span>
    </div>
  );
}

const GOING: Partial<Record<Stage, string>> = {
  waiting: "on its way",
  queued: "queued",
  starting: "starting",
  working: "running a tool",
  stopping: "stopping",
};

function written(rate: number): string {
  return rate > 0 ? `writing, ${rate} chars/s` : "writing";
}

function Progress({ run, draft, stage }: Pick<Props, "run" | "draft" | "stage">) {
  const rate = useRate(stage === "writing" ? (draft?.text.points ?? 0) : 0);
  const now = useNow();
  const ended = run.finished ?? run.error;
  if (ended) {
    return (
      <span className={classes.mono} title={run.id}>
        <span className={classes.runId}>{shortId(run.id)} · </span>
        {duration(ended.duration_ms)}
      </span>
    );
  }
  const since = run.startedAt ? precise(now - epochMs(run.startedAt)) : "";
  const word = stage === "writing" ? written(rate) : GOING[stage];
  return (
    <span
      className={classes.mono}
      style={{ color: strokeColor(stage === "queued" || stage === "waiting" ? "lost" : "busy") }}
    >
      {[word, since].filter(Boolean).join(" · ")}
    </span>
  );
}
