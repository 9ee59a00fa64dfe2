import { UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./FirstRun.module.css";

interface Props {
  agents: AgentView[];
  onChat(agent: AgentView, text: string): void;
}

/** Who is here, what they say of themselves, and what one could say to them first. */
export function HereNow({ agents, onChat }: Props) {
  const minds = agents.filter(({ description }) => description.model !== "");
  return (
    <aside className={classes.side}>
      <h3>Here now</h3>
      {agents.length === 0 && <p className={classes.small}>Nobody yet.</p>}
      {agents.map((agent) => (
        <Present key={agent.id} agent={agent} onChat={onChat} />
      ))}
      <h3>Give them a mind</h3>
      <div className={classes.mind}>
        {minds.map(({ id, description }) => (
          <p key={id}>
            {description.name} <span>thinks with {description.model}</span>
          </p>
        ))}
        <p className={classes.small}>
          Start Muster with <code>MISTRAL_API_KEY</code> in its environment, and an agent with a language model comes
          with it.
        </p>
      </div>
    </aside>
  );
}

function Present({ agent, onChat }: { agent: AgentView; onChat: Props["onChat"] }) {
  const { id, description, presence } = agent;
  return (
    <section className={classes.agent}>
      <div className={classes.agentHead}>
        <Tally state={presence.state} facts={presence} silent />
        <Link to="/agents/$agentId" params={{ agentId: id }}>
          {description.name}
        </Link>
        <StateWord state={presence.state} />
      </div>
      <p>{description.about}</p>
      <div className={classes.examples}>
        {description.examples.map((example) => (
          <UnstyledButton
            key={example}
            className={classes.example}
            title={`Say this to ${description.name}`}
            onClick={() => onChat(agent, example)}
          >
            {example}
          </UnstyledButton>
        ))}
        {description.examples.length === 0 && (
          <UnstyledButton className={classes.example} onClick={() => onChat(agent, "")}>
            Chat
          </UnstyledButton>
        )}
      </div>
    </section>
  );
}
