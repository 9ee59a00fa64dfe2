import { Age } from "../../clock/Age";
import type { AgentView } from "../../live/wire.gen";

/** Why an agent is in its state; of one that is lost first of all when it was heard last. */
export function Why({ agent }: { agent: AgentView }) {
  const { presence, last_heard: heard } = agent;
  if (presence.state !== "lost" || !heard) return presence.reason;
  return (
    <>
      last heard <Age since={heard} as="ago" />
      {presence.reason && `, ${presence.reason}`}
    </>
  );
}
