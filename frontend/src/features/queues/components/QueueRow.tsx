import { UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconMenu3 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { Tally } from "../../../components/tally/Tally";
import type { AgentView, QueueView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { isAlone, note, toneOf } from "../words";
import { DepthBar } from "./DepthBar";
import classes from "./Queues.module.css";

interface Props {
  queue: QueueView;
  agent: AgentView | undefined;
  onLetters(queue: string): void;
}

const TONE = { bad: stateColor.failed, idle: stateColor.lost, plain: undefined };

const rate = (value: number | null): string => (value === null ? "–" : value.toFixed(1));

/** One queue in one line: what it is, what waits in it, how fast, and who takes from it. */
export function QueueRow({ queue, agent, onLetters }: Props) {
  const { name, consumers, dead_letters: dead, unacked } = queue;
  const tone = toneOf(queue);
  return (
    <tr className={classes.row} data-testid="queue-row" data-queue={name} data-tone={tone}>
      <th scope="row">
        <Name queue={queue} agent={agent} />
        <span className={classes.note} style={{ color: TONE[tone] }} data-testid="queue-note">
          {note(queue, agent)}
        </span>
      </th>
      <td className={classes.depthCell} data-testid="queue-depth">
        <DepthBar queue={queue} />
      </td>
      <td className={unacked ? undefined : classes.quiet}>{unacked ?? "–"}</td>
      <td className={queue.rate_in ? undefined : classes.quiet}>{rate(queue.rate_in)}</td>
      <td className={queue.rate_out ? undefined : classes.quiet}>{rate(queue.rate_out)}</td>
      <td className={classes.consumers} data-testid="queue-consumers" data-none={consumers === 0 || undefined}>
        {isAlone(queue) && (
          <IconAlertTriangle size={14} stroke={1.5} color={TONE[tone]} role="img" aria-label="nobody takes from it" />
        )}
        <span style={isAlone(queue) ? { color: TONE[tone], fontWeight: 600 } : undefined}>{consumers ?? "–"}</span>
      </td>
      <td className={classes.dead}>
        {dead > 0 && (
          <UnstyledButton onClick={() => onLetters(name)} aria-label={`Show the ${dead} dead letters of ${name}`}>
            {dead.toLocaleString("en-US")}
          </UnstyledButton>
        )}
      </td>
    </tr>
  );
}

function Name({ queue, agent }: Omit<Props, "onLetters">) {
  if (!queue.agent_id) {
    return (
      <span className={classes.name}>
        <IconMenu3 size={14} stroke={1.5} aria-hidden="true" />
        <span className="mono">{queue.name}</span>
      </span>
    );
  }
  return (
    <span className={classes.name}>
      {agent ? (
        <Tally state={agent.presence.state} facts={agent.presence} reason={agent.presence.reason} size={15} />
      ) : (
        <IconMenu3 size={14} stroke={1.5} aria-hidden="true" />
      )}
      <Link to="/agents/$agentId" params={{ agentId: queue.agent_id }} className={classes.agent} title={queue.name}>
        <span className="mono">
          <span className={classes.prefix}>agent_queue_</span>
          {queue.agent_name}
        </span>
      </Link>
    </span>
  );
}
