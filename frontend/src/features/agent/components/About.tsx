import { Moment } from "../../../clock/Moment";
import { Id } from "../../../components/text/Id";
import { Tag } from "../../../components/text/Tag";
import { counted } from "../../../format/words";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./Agent.module.css";

/** What the agent says of itself, and what the server knows of it. */
export function About({ agent }: { agent: AgentView }) {
  const { description } = agent;
  const { machine } = description;
  const rows: [string, React.ReactNode][] = [
    ["about", description.about],
    ["skills", description.skills.length > 0 && description.skills.map((skill) => <Tag key={skill}>{skill}</Tag>)],
    ["model", description.model || "none; it works without a language model"],
    ["slots", counted(description.slots, "run")],
    ["commands", description.accepts_commands ? "accepted" : "not accepted"],
    ["machine", [machine.hostname, machine.os].filter(Boolean).join(", ")],
    ["process", machine.pid > 0 && `pid ${machine.pid}, Python ${machine.python}, muster-agent ${machine.version}`],
    ["transport", agent.transport],
    ["started", agent.started_at && <Moment at={agent.started_at} />],
    ["registered", <Moment key="registered" at={agent.registered_at} />],
    ["id", <Id key="id" id={agent.id} what="the agent's id" />],
  ];
  return (
    <dl className={classes.about}>
      {rows
        .filter(([, value]) => Boolean(value))
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
