import { memo } from "react";
import { Markdown } from "../../../components/markdown/Markdown";
import { Tally } from "../../../components/tally/Tally";
import type { Writing } from "../../../live/conversationData";
import { useAgent } from "../../../live/hooks";
import { isOver, type Run } from "../../../live/transcript";
import { strokeColor } from "../../../theme/states";
import { partsOf, signOfRun, stageOf } from "../runView";
import { RunHead } from "./RunHead";
import { RunNotice } from "./RunNotice";
import classes from "./Thread.module.css";
import { ToolCard } from "./ToolCard";

interface Props {
  run: Run;
  draft: Writing | undefined;
  onStop: ((runId: string) => void) | undefined;
}

/** One agent's work on one message: what it writes, the tools it calls, how it ended. */
export const RunBlock = memo(function RunBlock({ run, draft, onStop }: Props) {
  const agent = useAgent(run.agentId);
  const stage = stageOf(run, draft);
  const over = isOver(run);
  const state = over || !agent ? signOfRun(stage) : agent.presence.state;
  const facts = over ? undefined : agent?.presence;
  const isWriting = stage === "writing" || stage === "starting";
  return (
    <article
      className={classes.turn}
      data-testid="message-agent"
      data-run={run.id}
      data-stage={stage}
      aria-label={`${run.agentName || agent?.description.name || "agent"}, ${stage}`}
      aria-busy={!over}
    >
      <div className={classes.gutter}>
        <Tally state={state} facts={facts} silent quiet={over && stage !== "failed"} />
        <i className={classes.thread} style={over ? undefined : { background: strokeColor(state) }} />
      </div>
      <div className={classes.body} style={{ "--caret": strokeColor("busy") } as React.CSSProperties}>
        <RunHead
          sign={<Tally state={state} facts={facts} silent quiet={over && stage !== "failed"} />}
          run={run}
          draft={draft}
          stage={stage}
          agent={agent}
          onStop={onStop}
        />
        {partsOf(run, draft).map((part) =>
          part.kind === "tool" ? (
            <ToolCard
              key={part.call.start.tool_call_id}
              call={part.call}
              live={draft?.tools[part.call.start.tool_call_id]?.text ?? ""}
              isOver={over}
            />
          ) : (
            (part.text || (isWriting && run.startedAt)) && (
              <Markdown
                key={part.isLast ? "last" : part.text.slice(0, 40)}
                text={part.text}
                isWriting={isWriting && part.isLast}
              />
            )
          ),
        )}
        <RunNotice run={run} stage={stage} />
      </div>
    </article>
  );
});
