import { Tooltip, UnstyledButton } from "@mantine/core";
import type { CSSProperties } from "react";
import { counted } from "../../../format/words";
import type { SystemView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import classes from "./StatusBar.module.css";

const BUS = { embedded: "embedded", rabbitmq: "RabbitMQ" };

interface Props {
  system: SystemView;
  /** It is what the server said before the connection was lost. */
  isOld: boolean;
}

/** What the server says of itself, its brokers and its queue server. */
export function SystemFacts({ system, isOld }: Props) {
  const { brokers, queued_in_outbox: waiting, warnings } = system;
  const connected = brokers.filter((broker) => broker.connected).length;
  const isMissing = connected === 0 || connected < brokers.length;
  const style: CSSProperties | undefined = isMissing && !isOld ? { color: stateColor.failed } : undefined;
  return (
    <span className={classes.facts} data-old={isOld || undefined}>
      <span>
        server <b>v{system.version}</b>
      </span>
      <span style={style}>
        broker{" "}
        <b style={style}>
          {connected} of {brokers.length}
        </b>
      </span>
      <span>
        bus <b>{BUS[system.bus]}</b>
      </span>
      {waiting > 0 && (
        <span title="Stored messages that the queue server has not confirmed yet">
          waiting to go out <b>{waiting.toLocaleString("en-US")}</b>
        </span>
      )}
      {warnings.length > 0 && (
        <Tooltip multiline maw={420} label={warnings.join(" ")}>
          <UnstyledButton className={classes.warning}>{counted(warnings.length, "warning")}</UnstyledButton>
        </Tooltip>
      )}
    </span>
  );
}
