import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { resume } from "../features/conversation/outbox";
import { onSignedOut } from "../http/signedOut";
import { useLive } from "../live/hooks";
import { LiveProvider, useLiveClient } from "../live/LiveProvider";
import { Shell } from "./shell/Shell";

/** All that needs a session: the connection, and the pages inside the shell. */
export function Console() {
  return (
    <LiveProvider>
      <Watch />
      <Shell />
    </LiveProvider>
  );
}

/** Leaves for the way in as soon as the server does not know this browser any more; sends what a reload interrupted. */
function Watch() {
  const client = useLiveClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const signedOut = useLive(({ phase }) => phase.kind === "signed_out");
  useEffect(() => resume(client), [client]);
  useEffect(() => {
    const leave = () => {
      queries.clear();
      void navigate({ to: "/login", search: { ended: true }, replace: true });
    };
    if (signedOut) leave();
    return onSignedOut(leave);
  }, [signedOut, queries, navigate]);
  return null;
}
