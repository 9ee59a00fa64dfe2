import type { SystemView } from "../../../live/wire.gen";
import classes from "./Join.module.css";

/** Says it plainly when other machines cannot reach the server, and which setting changes that. */
export function Reach({ system }: { system: SystemView }) {
  if (system.reachable_from_outside) return null;
  return (
    <p className={classes.reach}>
      This server listens on its own machine only (<code>{system.grpc_address}</code>): the command works here. For
      agents on other machines, start it with <code>MUSTER_GRPC_HOST=0.0.0.0</code>.
    </p>
  );
}
