import { Button, UnstyledButton } from "@mantine/core";
import { LinkButton } from "../../../components/page/LinkButton";
import { PageHeader } from "../../../components/page/PageHeader";
import { useTitle } from "../../../components/page/useTitle";
import { Awaiting } from "../../../components/pictures/Awaiting";
import { Broken } from "../../../components/pictures/Broken";
import { WholePage } from "../../../components/pictures/WholePage";
import { counted } from "../../../format/words";
import { useCommand, useOffline, useStreamProblem } from "../../../live/hooks";
import { stateColor } from "../../../theme/states";
import { exitText, isOver, lineOf, STATE_WORD, toneOf } from "../progress";
import { useStop } from "../useStop";
import list from "./CommandList.module.css";
import { CommandTally } from "./CommandTally";
import { Console } from "./Console";
import classes from "./Console.module.css";
import { Took } from "./Took";

interface Props {
  id: string;
  target: string | undefined;
  before: React.ReactNode;
  onTarget(agentId: string): void;
}

/** One command on all its targets: how far each is, and the output of one of them. */
export function CommandPageView({ id, target, before, onTarget }: Props) {
  const data = useCommand(id);
  const problem = useStreamProblem(`command:${id}`);
  const offline = useOffline();
  const { stop } = useStop(id, "");
  const command = data?.command;
  useTitle(command ? lineOf(command) : "Command");
  if (!command && problem) {
    return (
      <WholePage>
        <Broken problem={problem} action={<LinkButton to="/fleet">To the fleet</LinkButton>} />
      </WholePage>
    );
  }
  if (!command) return <Awaiting what="the command" rows={5} />;
  const going = command.targets.filter((one) => !isOver(one));
  const here = command.targets.find((one) => one.agent_id === target) ?? command.targets[0];
  return (
    <>
      <PageHeader
        before={before}
        title={<span className="mono">{lineOf(command)}</span>}
        beside={
          <span>
            {command.to}, {counted(command.targets.length, "agent")}, by {command.by}
          </span>
        }
      >
        {going.length > 1 && (
          <Button disabled={offline !== null} title={offline ?? ""} onClick={() => stop(false)}>
            Stop on {going.length} agents
          </Button>
        )}
      </PageHeader>
      <div className={classes.split} data-stack>
        <div className={classes.left}>
          <div className={list.list}>
            {command.targets.map((one) => (
              <UnstyledButton
                key={one.agent_id}
                className={list.target}
                aria-pressed={one === here}
                onClick={() => onTarget(one.agent_id)}
              >
                <CommandTally target={one} />
                <span>{one.agent_name}</span>
                <span style={{ color: stateColor[toneOf(one.state)] }}>
                  {STATE_WORD[one.state]}
                  {one.exit_code ? `, ${exitText(one.exit_code)}` : ""}
                </span>
                <Took target={one} className={list.took} />
              </UnstyledButton>
            ))}
          </div>
        </div>
        <div className={classes.right}>
          {here && <Console key={here.agent_id} commandId={id} agentId={here.agent_id} known={command} />}
        </div>
      </div>
    </>
  );
}
