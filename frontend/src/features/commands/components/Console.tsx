import { lazy, Suspense, useRef, useState } from "react";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { NOTHING } from "../../../live/appendOnly";
import { useCommand, useStreamProblem } from "../../../live/hooks";
import type { CommandView } from "../../../live/wire.gen";
import { targetOf } from "../progress";
import classes from "./Console.module.css";
import { ConsoleHead } from "./ConsoleHead";
import { EarlierOutput } from "./EarlierOutput";
import { Find } from "./Find";
import { StopStages } from "./StopStages";
import { TargetNote } from "./TargetNote";
import type { TerminalHandle } from "./TerminalView";

const TerminalView = lazy(() => import("./TerminalView"));

interface Props {
  commandId: string;
  agentId: string;
  /** What a list knows of the command already. */
  known: CommandView | undefined;
}

/** A command on one target: its line, its output as it comes, its end, and how it is stopped. */
export function Console({ commandId, agentId, known }: Props) {
  const data = useCommand(commandId);
  const problem = useStreamProblem(`command:${commandId}`);
  const terminal = useRef<TerminalHandle>(null);
  const [finding, setFinding] = useState(false);
  const command = data?.command ?? known;
  const target = command ? targetOf(command, agentId) : null;
  if (problem && !data) return <Broken problem={problem} />;
  if (!command || !target) return <Loading what="the command" rows={4} />;
  const output = data?.outputs[agentId] ?? NOTHING;
  return (
    <>
      <ConsoleHead command={command} target={target} onFind={() => setFinding(true)} />
      {finding && (
        <Find
          onFind={(text, back) => terminal.current?.find(text, back) ?? false}
          onClose={() => {
            terminal.current?.endFind();
            setFinding(false);
          }}
        />
      )}
      {data && <TargetNote command={command} target={target} hasOutput={output.size > 0} />}
      {data && <EarlierOutput data={data} />}
      <Suspense fallback={<div className={classes.screen} />}>
        <TerminalView name={`${commandId} ${agentId} ${data?.firstSeq ?? 1}`} output={output} handle={terminal} />
      </Suspense>
      {target.stop_requested_at && <StopStages command={command} target={target} />}
    </>
  );
}
