import { Kbd, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNow } from "../../../clock/now";
import { useZone } from "../../../clock/zone";
import { clockTime, zoneName } from "../../../format/moment";
import { useLive } from "../../../live/hooks";
import { systemQuery } from "../api/system";
import { ConnectionState } from "./ConnectionState";
import classes from "./StatusBar.module.css";
import { SystemFacts } from "./SystemFacts";

/** The last line of every page: is it live, what does it talk to, what time is it. */
export function StatusBar({ onKeys }: { onKeys(): void }) {
  const isLive = useLive(({ phase }) => phase.kind === "live");
  const wasLive = useLive((state) => state.wasLive);
  const system = useQuery(systemQuery);
  return (
    <footer className={classes.status} data-away={(wasLive && !isLive) || undefined}>
      <ConnectionState />
      {system.data && <SystemFacts system={system.data} isOld={!isLive || system.isError} />}
      <span className={classes.rest} />
      <Clock />
      <UnstyledButton className={classes.keys} onClick={onKeys}>
        <Kbd>?</Kbd> keys
      </UnstyledButton>
    </footer>
  );
}

function Clock() {
  const now = useNow();
  const { zone, toggle } = useZone();
  return (
    <UnstyledButton
      className={classes.clock}
      onClick={toggle}
      title={zone === "utc" ? "Show local time" : "Show UTC"}
      aria-label={`Time zone: ${zoneName(now, zone)}. Switch to ${zone === "utc" ? "local time" : "UTC"}`}
    >
      {clockTime(now, zone)} <b>{zoneName(now, zone)}</b>
    </UnstyledButton>
  );
}
