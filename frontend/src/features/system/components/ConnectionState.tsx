import { useNow } from "../../../clock/now";
import { left } from "../../../format/duration";
import type { Phase } from "../../../live/connection";
import { useLive } from "../../../live/hooks";
import { stateColor } from "../../../theme/states";
import classes from "./StatusBar.module.css";

function words(phase: Phase, wasLive: boolean, now: number): string {
  if (phase.kind === "live") return "live";
  if (phase.kind === "waiting") {
    const wait = phase.retryAt - now;
    const verb = wasLive ? "reconnecting" : "connecting";
    return wait > 0 ? `${verb}, ${left(wait)}` : `${verb}…`;
  }
  if (phase.kind === "signed_out") return "logged out";
  return wasLive ? "reconnecting…" : "connecting…";
}

/** Whether what is on the page is live, and how far away the server is. */
export function ConnectionState() {
  const phase = useLive((state) => state.phase);
  const wasLive = useLive((state) => state.wasLive);
  const roundTrip = useLive((state) => state.roundTripMs);
  useNow();
  const isLive = phase.kind === "live";
  return (
    <span className={classes.connection} role="status" data-testid="connection">
      <i style={{ background: isLive ? stateColor.idle : "currentColor" }} aria-hidden="true" />
      <b>{words(phase, wasLive, Date.now())}</b>
      {isLive && roundTrip !== null && <span title="to the server and back">{roundTrip} ms</span>}
    </span>
  );
}
