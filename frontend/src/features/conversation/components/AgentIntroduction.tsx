import { UnstyledButton } from "@mantine/core";
import { EmptyTally } from "../../../components/tally/EmptyTally";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./New.module.css";

interface Props {
  agent: AgentView | null;
  to: string;
  onExample(text: string): void;
}

function explained(to: string): string {
  if (to.startsWith("all:"))
    return "Each message goes to every agent that matches, and each of them answers by itself.";
  if (to) return "The least busy agent that matches answers, and stays with the conversation.";
  return "Choose an agent above, or write a selector: any:skill=shell for one that has the skill, all:env=prod for all of them.";
}

/** Who will answer, what they say of themselves, and what one could say first. */
export function AgentIntroduction({ agent, to, onExample }: Props) {
  if (!agent) {
    return (
      <div className={classes.introduction}>
        <EmptyTally size={50} />
        <h2>{to ? to : "Nobody is chosen yet"}</h2>
        <p>{explained(to)}</p>
      </div>
    );
  }
  const { description, presence } = agent;
  return (
    <div className={classes.introduction}>
      <Tally state={presence.state} facts={presence} size={50} silent />
      <h2>{description.name}</h2>
      <p>
        <StateWord state={presence.state} />
        {presence.reason && `, ${presence.reason}`}
      </p>
      {description.about && <p>{description.about}</p>}
      <div className={classes.examples}>
        {description.examples.map((example) => (
          <UnstyledButton key={example} className={classes.example} onClick={() => onExample(example)}>
            {example}
          </UnstyledButton>
        ))}
      </div>
    </div>
  );
}
