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

/** Who will answer, what they say of themselves, and what one could say first. */
export function AgentIntroduction({ agent, to, onExample }: Props) {
  if (!agent) {
    return (
      <div className={classes.introduction}>
        <EmptyTally size={50} />
        <h2>{to ? to : "Nobody is chosen yet"}</h2>
        <p>
          {to
            ? "Muster sends the first message to the least busy agent that matches, and the rest of the conversation to the same one."
            : "Choose an agent above, or write a selector such as any:skill=shell."}
        </p>
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
