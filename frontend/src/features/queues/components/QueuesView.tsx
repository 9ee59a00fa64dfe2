import { TextInput, UnstyledButton } from "@mantine/core";
import { IconFilter2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { PageHeader } from "../../../components/page/PageHeader";
import { useTitle } from "../../../components/page/useTitle";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { counted } from "../../../format/words";
import { asProblem } from "../../../http/problem";
import { useKeys } from "../../../keys/useKeys";
import { useFleet } from "../../../live/hooks";
import type { QueueList } from "../../../live/wire.gen";
import { queuesQuery } from "../api/queues";
import type { QueuesSearch } from "../search";
import { total } from "../words";
import { AsOf } from "./AsOf";
import classes from "./Queues.module.css";
import { QueueTable } from "./QueueTable";
import { Room } from "./Room";

interface Props {
  search: QueuesSearch;
  /** `typed`: one of many letters, not a step to go back to. */
  onSearch(search: QueuesSearch, typed: boolean): void;
}

/** Every queue, and below them what nobody could take. */
export function QueuesView({ search, onSearch }: Props) {
  useTitle("Queues");
  const queues = useQuery(queuesQuery);
  const agents = useFleet() ?? {};
  const field = useRef<HTMLInputElement>(null);
  const room = useRef<HTMLElement>(null);
  useKeys({ "/": () => field.current?.focus() });
  const { q = "" } = search;
  const write = (text: string, typed: boolean) => {
    const { q: _old, ...rest } = search;
    onSearch(text ? { ...rest, q: text } : rest, typed);
  };
  return (
    <>
      <PageHeader
        title="Queues"
        beside={queues.data && <span data-testid="queue-total">{total(queues.data.items)}</span>}
      >
        <TextInput
          ref={field}
          value={q}
          className={classes.filter ?? ""}
          placeholder="Filter queues"
          aria-label="Filter queues"
          leftSection={<IconFilter2 size={16} stroke={1.5} aria-hidden="true" />}
          onChange={(event) => write(event.currentTarget.value, true)}
          onKeyDown={(event) => event.key === "Escape" && field.current?.blur()}
        />
      </PageHeader>
      <div className={classes.page}>
        <section className={classes.queues} aria-label="Queues">
          {queues.data && queues.data.dead_letters > 0 && (
            <UnstyledButton className={classes.jump} onClick={() => room.current?.scrollIntoView()}>
              {counted(queues.data.dead_letters, "dead letter")} below
            </UnstyledButton>
          )}
          <Trouble list={queues.data} error={queues.error} onRetry={() => void queues.refetch()} />
          {queues.isPending && <Loading what="queues" rows={8} />}
          {queues.data && (
            <QueueTable
              queues={queues.data.items}
              agents={agents}
              filter={q}
              onClear={() => write("", false)}
              onLetters={(queue) => onSearch({ ...(q ? { q } : {}), queue }, false)}
            />
          )}
        </section>
        <Room box={room} search={search} agents={agents} onSearch={onSearch} />
      </div>
    </>
  );
}

interface TroubleProps {
  list: QueueList | undefined;
  error: Error | null;
  onRetry(): void;
}

/** Why the figures are old, or missing. */
function Trouble({ list, error, onRetry }: TroubleProps) {
  if (error) {
    return (
      <Broken title="The queues could not be read" problem={asProblem(error)} onRetry={onRetry}>
        {list && <AsOf queues={list.items} />}
      </Broken>
    );
  }
  if (!list?.trouble) return null;
  return (
    <p className={classes.trouble} role="alert">
      {list.trouble} <AsOf queues={list.items} />
    </p>
  );
}
