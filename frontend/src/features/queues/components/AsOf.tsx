import { Moment } from "../../../clock/Moment";
import type { QueueView } from "../../../live/wire.gen";

/** "As of 14:06:02": when the newest figures on the page were true. */
export function AsOf({ queues }: { queues: QueueView[] }) {
  const newest = queues.reduce((latest, { sampled_at: at }) => (at && at > latest ? at : latest), "");
  if (!newest) return null;
  return (
    <>
      As of <Moment at={newest} as="clock" />.
    </>
  );
}
