import { Select, UnstyledButton } from "@mantine/core";
import type { DeadLetterCount, DeadLetterCounts, DeadLetterState } from "../../../live/wire.gen";
import type { QueuesSearch } from "../search";
import { type Agents, queueLabel, reasonWord } from "../words";
import classes from "./Room.module.css";

interface Props {
  search: QueuesSearch;
  agents: Agents;
  counts: DeadLetterCounts | undefined;
  onSearch(search: QueuesSearch, typed: boolean): void;
}

const STATES: DeadLetterState[] = ["waiting", "replayed", "dropped"];

/** What is chosen stays in the list when nothing of it is left. */
function withChosen(counts: DeadLetterCount[] = [], chosen = ""): DeadLetterCount[] {
  return !chosen || counts.some(({ value }) => value === chosen) ? counts : [...counts, { value: chosen, number: 0 }];
}

/** What became of them, why they died, and in which queue or of which agent: all of it narrows the list. */
export function RoomHead({ search, agents, counts, onSearch }: Props) {
  const state = search.state ?? "waiting";
  const change = (name: keyof QueuesSearch, value: string | null) => {
    const { [name]: _old, letter: _letter, ...rest } = search;
    onSearch(value ? { ...rest, [name]: value } : rest, false);
  };
  const options = (values: DeadLetterCount[], label: (value: string) => string) =>
    values.map(({ value, number }) => ({ value, label: `${label(value)} · ${number}` }));
  return (
    <div className={classes.head}>
      <h2>Dead letters</h2>
      <fieldset className={classes.chips} aria-label="What became of them">
        {STATES.map((one) => (
          <UnstyledButton
            key={one}
            aria-pressed={one === state}
            onClick={() => change("state", one === "waiting" ? null : one)}
          >
            {one} {one === state && <b>{counts?.total.toLocaleString("en-US")}</b>}
          </UnstyledButton>
        ))}
      </fieldset>
      <span className={classes.rule} />
      <fieldset className={classes.chips} aria-label="Why they died">
        {withChosen(counts?.reasons, search.reason).map(({ value, number }) => (
          <UnstyledButton
            key={value}
            aria-pressed={value === search.reason}
            onClick={() => change("reason", value === search.reason ? null : value)}
          >
            {reasonWord(value)} <b>{number.toLocaleString("en-US")}</b>
          </UnstyledButton>
        ))}
      </fieldset>
      <span className={classes.spring} />
      <Select
        className={classes.select ?? ""}
        aria-label="Died in this queue"
        placeholder="Any queue"
        clearable
        searchable
        value={search.queue ?? null}
        data={options(withChosen(counts?.queues, search.queue), (queue) => queueLabel(queue, agents))}
        onChange={(value) => change("queue", value)}
      />
      <Select
        className={classes.select ?? ""}
        aria-label="Of this agent"
        placeholder="Any agent"
        clearable
        searchable
        value={search.agent ?? null}
        data={options(withChosen(counts?.agents, search.agent), (id) => agents[id]?.description.name ?? id)}
        onChange={(value) => change("agent", value)}
      />
    </div>
  );
}
