import { Link } from "@tanstack/react-router";
import { useNow } from "../../../clock/now";
import { useZone } from "../../../clock/zone";
import { Bar } from "../../../components/marks/Bar";
import { Tally } from "../../../components/tally/Tally";
import { duration } from "../../../format/duration";
import { epochMs, exactTime } from "../../../format/moment";
import type { AgentView } from "../../../live/wire.gen";
import { strokeColor } from "../../../theme/states";
import { hasAnswered, type Step, stepsOf } from "../joined";
import classes from "./Join.module.css";

const TELLS: Record<Step["name"], string> = {
  Process: "its first heartbeat",
  Commands: "its command stream",
  Consumer: "it takes from its queue",
  Work: "a free slot for work",
};

/** The agent that joins, stroke by stroke, with the time of each. */
export function Joining({ agent }: { agent: AgentView | null }) {
  if (!agent) {
    return (
      <section className={classes.joining} aria-label="Joining">
        <div className={classes.joinHead}>
          <b>Waiting for its first heartbeat</b>
          <span>four strokes make an agent</span>
        </div>
        {Object.entries(TELLS).map(([name, tells]) => (
          <div key={name} className={classes.step} data-open>
            <Bar mark="dashed" color="var(--mu-line2)" />
            <div>
              <b>{name}</b>
              <span>{tells}</span>
            </div>
          </div>
        ))}
      </section>
    );
  }
  const answered = hasAnswered(agent);
  return (
    <section className={classes.joining} aria-label="Joining" aria-live="polite" data-testid="joining">
      <div className={classes.joinHead}>
        <Tally state={agent.presence.state} facts={agent.presence} silent />
        <b>
          <Link to="/agents/$agentId" params={{ agentId: agent.id }}>
            {agent.description.name}
          </Link>{" "}
          {answered ? "answers" : "is joining"}
        </b>
        <span>{agent.description.machine.hostname}</span>
      </div>
      {stepsOf(agent).map((step) => (
        <JoinStep key={step.name} step={step} registeredAt={agent.registered_at} />
      ))}
    </section>
  );
}

function JoinStep({ step, registeredAt }: { step: Step; registeredAt: string }) {
  const now = useNow();
  const zone = useZone((state) => state.zone);
  const { name, fact, isDone, isNext } = step;
  const began = epochMs(registeredAt);
  const at = fact.since ? epochMs(fact.since) : null;
  const mark = isDone ? "full" : isNext ? "breathing" : "dashed";
  const color = isDone ? strokeColor("idle") : isNext ? strokeColor("busy") : "var(--mu-line2)";
  let time = "";
  if (isDone && at !== null) time = name === "Process" ? exactTime(at, zone) : `+${duration(Math.max(0, at - began))}`;
  else if (isNext) time = `${duration(Math.max(0, now - began))} so far`;
  return (
    <div className={classes.step} data-open={!(isDone || isNext) || undefined}>
      <Bar mark={mark} color={color} />
      <div>
        <b>{name}</b>
        <span>{isDone ? fact.says : TELLS[name]}</span>
      </div>
      <span className={classes.time}>{time}</span>
    </div>
  );
}
