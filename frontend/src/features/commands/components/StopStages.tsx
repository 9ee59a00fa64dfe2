import { Button } from "@mantine/core";
import type { CSSProperties } from "react";
import { useNow } from "../../../clock/now";
import { useZone } from "../../../clock/zone";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { useOffline } from "../../../live/hooks";
import type { CommandView, TargetView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { isOver } from "../progress";
import { stagesOf } from "../stopStages";
import { useStop } from "../useStop";
import classes from "./Console.module.css";

/** A stop in its three stages, each with its time: requested, acknowledged, confirmed dead. */
export function StopStages({ command, target }: { command: CommandView; target: TargetView }) {
  const now = useNow();
  const zone = useZone((state) => state.zone);
  const offline = useOffline();
  const { stop, problem } = useStop(command.id, target.agent_id);
  return (
    <section className={classes.stop} aria-label="Stop" data-testid="stop-stages">
      <div className={classes.stages} style={{ "--open": stateColor.failed } as CSSProperties}>
        {stagesOf(target, now, zone).map(({ name, time, detail, mark }) => (
          <div key={name} className={classes.stage} data-mark={mark}>
            <i aria-hidden="true" />
            <b>{name}</b>
            <span className={classes.stageTime}>{time}</span>
            <span>{detail}</span>
          </div>
        ))}
      </div>
      {!isOver(target) && (
        <Button
          className={classes.kill ?? ""}
          style={{ color: stateColor.failed }}
          disabled={offline !== null}
          title={offline ?? "Ends all its processes at once; what they were doing is lost"}
          onClick={() => stop(true)}
        >
          Kill now
        </Button>
      )}
      {problem && <ProblemNote problem={problem} />}
    </section>
  );
}
