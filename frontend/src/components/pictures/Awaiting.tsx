import { localProblem } from "../../http/problem";
import { useLive } from "../../live/hooks";
import { Broken } from "./Broken";
import { Loading } from "./Loading";

const NO_SOCKET = localProblem(
  "unavailable",
  "The live connection cannot be opened",
  "The server answers, but its WebSocket does not.",
  "If there is a proxy between, it must pass on WebSockets at /ws. This page tries again by itself.",
);

/** What comes with the live connection is waited for; said plainly when the connection does not come about. */
export function Awaiting({ what, rows = 5 }: { what: string; rows?: number }) {
  const isInVain = useLive(({ phase, wasLive }) => phase.kind === "waiting" && !wasLive);
  return isInVain ? <Broken problem={NO_SOCKET} /> : <Loading what={what} rows={rows} />;
}
