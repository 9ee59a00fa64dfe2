import { Button, Drawer } from "@mantine/core";
import { IconList } from "@tabler/icons-react";
import { useState } from "react";
import { Empty } from "../../../components/pictures/Empty";
import type { AgentView } from "../../../live/wire.gen";
import { lineOf } from "../progress";
import { useAgentCommands } from "../useAgentCommands";
import { usePush } from "../usePush";
import { CommandList } from "./CommandList";
import { Console } from "./Console";
import classes from "./Console.module.css";
import { Prompt } from "./Prompt";

interface Props {
  agent: AgentView;
  /** The command that is shown; the latest one if none is named. */
  commandId: string | undefined;
  onOpen(commandId: string): void;
}

/** An agent's console: its commands, the output of one of them, and a line for the next. */
export function AgentConsole({ agent, commandId, onOpen }: Props) {
  const { id, description } = agent;
  const [listed, setListed] = useState(false);
  const { push, pending, own, forget } = usePush(id, (command) => onOpen(command.id));
  const commands = useAgentCommands(id, own);
  const here = commandId ?? commands.items[0]?.id;
  const list = (
    <CommandList
      agentId={id}
      commands={commands}
      pending={pending}
      here={here}
      onForget={forget}
      onOpen={(command) => {
        setListed(false);
        onOpen(command);
      }}
    />
  );
  return (
    <div className={classes.split}>
      <div className={classes.left}>{list}</div>
      <Drawer opened={listed} onClose={() => setListed(false)} size={360} title="Commands" padding={0}>
        {list}
      </Drawer>
      <div className={classes.right}>
        <div className={classes.pick}>
          <Button
            variant="subtle"
            leftSection={<IconList size={14} stroke={1.5} aria-hidden="true" />}
            onClick={() => setListed(true)}
          >
            Commands {commands.items.length > 0 && `(${commands.items.length})`}
          </Button>
        </div>
        {here ? (
          <Console
            key={here}
            commandId={here}
            agentId={id}
            known={commands.items.find((command) => command.id === here)}
          />
        ) : (
          <div className={classes.none}>
            {!commands.query.isPending && (
              <Empty title="No commands yet">
                Write one below: it runs in {description.name}&rsquo;s own shell, and its output is seen here.
              </Empty>
            )}
          </div>
        )}
        <Prompt
          name={description.name}
          history={[...new Set(commands.items.map(lineOf))]}
          refused={description.accepts_commands ? null : "This agent was started without commands."}
          onPush={(line) => void push(line)}
        />
      </div>
    </div>
  );
}
