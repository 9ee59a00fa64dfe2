import { Button } from "@mantine/core";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { asProblem } from "../../../http/problem";
import type { AgentCommands } from "../useAgentCommands";
import type { Pushed } from "../usePush";
import classes from "./CommandList.module.css";
import { CommandRow } from "./CommandRow";

interface Props {
  agentId: string;
  commands: AgentCommands;
  /** Lines that were pushed and have no answer yet. */
  pending: Pushed[];
  here: string | undefined;
  onOpen(id: string): void;
  onForget(key: string): void;
}

/** An agent's commands, newest first. */
export function CommandList({ agentId, commands, pending, here, onOpen, onForget }: Props) {
  const { items, query } = commands;
  return (
    <div className={classes.list} data-testid="command-list">
      <div className={classes.head}>
        <b>Commands</b>
        <span>{items.length > 0 && `${items.length}${query.hasNextPage ? " and earlier" : ""}`}</span>
      </div>
      {pending.map((push) => (
        <div key={push.key} className={classes.pending}>
          <span className={classes.line}>{push.shell}</span>
          {push.problem ? (
            <>
              <ProblemNote problem={push.problem} />
              <Button size="xs" onClick={() => onForget(push.key)}>
                Dismiss
              </Button>
            </>
          ) : (
            <span className={classes.sending}>sending</span>
          )}
        </div>
      ))}
      {items.map((command) => (
        <CommandRow key={command.id} command={command} agentId={agentId} isHere={command.id === here} onOpen={onOpen} />
      ))}
      {items.length === 0 && query.isPending && <Loading what="commands" rows={4} />}
      {query.isError && (
        <Broken
          title={items.length > 0 ? "Earlier commands could not be read" : "Commands could not be read"}
          problem={asProblem(query.error)}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.hasNextPage && (
        <div className={classes.more}>
          <Button variant="subtle" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Earlier commands
          </Button>
        </div>
      )}
    </div>
  );
}
