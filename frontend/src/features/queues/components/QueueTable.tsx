import { Button } from "@mantine/core";
import { useState } from "react";
import { Empty } from "../../../components/pictures/Empty";
import type { QueueView } from "../../../live/wire.gen";
import { grouped, MOST } from "../order";
import { useStillOrder } from "../useStill";
import type { Agents } from "../words";
import { QueueRow } from "./QueueRow";
import classes from "./Queues.module.css";

interface Props {
  queues: QueueView[];
  agents: Agents;
  filter: string;
  onClear(): void;
  onLetters(queue: string): void;
}

/** Every queue: those that messages take, those of agents, and the side lanes. */
export function QueueTable({ queues, agents, filter, onClear, onLetters }: Props) {
  const [isHeld, setHeld] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const groups = grouped(queues, filter, agents);
  const order = useStillOrder(
    groups.agents.map(({ name }) => name),
    filter,
    isHeld,
  );
  const byName = new Map(groups.agents.map((queue) => [queue.name, queue]));
  const sorted = order.flatMap((name) => byName.get(name) ?? []);
  const shown = isWhole ? sorted : sorted.slice(0, MOST);
  const isCounted = queues.some(({ rate_in: rate }) => rate !== null) || queues.every(({ growth }) => growth === null);
  const why = isCounted ? undefined : "RabbitMQ tells it to its management API only: set MUSTER_BUS_API";
  const bodies = [groups.inputs, shown, groups.lanes].filter((group) => group.length > 0);
  if (bodies.length === 0) {
    return (
      <Empty title="No queue matches" action={<Button onClick={onClear}>Clear the filter</Button>}>
        {queues.length} queues are here; none of them says {filter}.
      </Empty>
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it watches, it is not acted upon
    <div
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={(event) => setHeld(event.currentTarget.contains(event.relatedTarget))}
    >
      <table className={classes.table} data-testid="queues">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col">Depth</th>
            <th scope="col" title={why ?? "Delivered, not yet acknowledged"}>
              Unacked
            </th>
            <th scope="col" title={why}>
              In /s
            </th>
            <th scope="col" title={why}>
              Out /s
            </th>
            <th scope="col">Consumers</th>
            <th scope="col" title="Dead letters that wait for a person">
              Dead
            </th>
          </tr>
        </thead>
        {bodies.map((group) => (
          <tbody key={group[0]?.role}>
            {group.map((queue) => (
              <QueueRow key={queue.name} queue={queue} agent={agents[queue.agent_id]} onLetters={onLetters} />
            ))}
          </tbody>
        ))}
      </table>
      {sorted.length > shown.length && (
        <Button variant="subtle" className={classes.more ?? ""} onClick={() => setWhole(true)}>
          Show all {sorted.length.toLocaleString("en-US")} agents' queues
        </Button>
      )}
    </div>
  );
}
