import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { counted } from "../../../format/words";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { DeadLetterCounts, DeadLetterView } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import { type Filter, isFiltered } from "../search";
import { type Outcome, useHandling, type Wish } from "../useHandling";
import { matching } from "../words";
import { ConfirmDialog } from "./ConfirmDialog";
import classes from "./Room.module.css";

interface Props {
  shown: DeadLetterView[];
  hasMore: boolean;
  selected: ReadonlySet<string>;
  filter: Filter;
  counts: DeadLetterCounts | undefined;
  onSelect(ids: string[]): void;
}

const DONE = { replay: "sent again", drop: "dropped" };

/** What can be done with those that are selected, and with all that match. */
export function BulkBar({ shown, hasMore, selected, filter, counts, onSelect }: Props) {
  const [asked, setAsked] = useState<Wish | null>(null);
  const [outcome, setOutcome] = useState<(Outcome & { wish: Wish }) | null>(null);
  const offline = useOffline();
  const handling = useHandling((ended) => {
    setAsked(null);
    onSelect(ended.failed);
  });
  const run = (wish: Wish) => handling.mutate(wish, { onSuccess: (ended) => setOutcome({ ...ended, wish }) });
  const ids = [...selected];
  const some = ids.length > 0;
  const all = matching(filter, counts) ?? (hasMore ? null : shown.length);
  const many = allWords(all, filter);
  const error = outcome?.error ?? (asked ? null : handling.error);
  const isAll = ids.length === shown.length;
  return (
    <div className={classes.bulk} data-testid="bulk">
      <Checkbox
        size="xs"
        checked={isAll}
        indeterminate={!isAll && some}
        aria-label={isAll ? "Select none" : "Select all that are shown"}
        onChange={() => onSelect(isAll ? [] : shown.map(({ id }) => id))}
      />
      <span className={classes.says} role="status">
        <Said number={ids.length} outcome={error ? null : outcome} />
      </span>
      {Boolean(error) && <ProblemNote problem={asProblem(error)} />}
      <span className={classes.spring} />
      <Button
        disabled={offline !== null}
        loading={handling.isPending && !asked}
        onClick={() => (some ? run({ action: "replay", ids }) : setAsked({ action: "replay", filter }))}
      >
        Replay {some ? ids.length : `${many}…`}
      </Button>
      <Button
        disabled={offline !== null}
        style={offline === null ? { color: stateColor.failed } : undefined}
        onClick={() => setAsked(some ? { action: "drop", ids } : { action: "drop", filter })}
      >
        Drop {some ? ids.length : many}…
      </Button>
      {asked && (
        <ConfirmDialog
          wish={asked}
          number={"ids" in asked ? asked.ids.length : all}
          handling={handling}
          onConfirm={() => run(asked)}
          onClose={() => {
            handling.reset();
            setAsked(null);
          }}
        />
      )}
    </div>
  );
}

function Said({ number, outcome }: { number: number; outcome: (Outcome & { wish: Wish }) | null }) {
  if (number > 0) return <b>{number} selected</b>;
  return outcome ? `${counted(outcome.done, "message")} ${DONE[outcome.wish.action]}` : "none selected";
}

/** "all", "all 9 that match" */
function allWords(number: number | null, filter: Filter): string {
  return `all${number === null ? "" : ` ${number.toLocaleString("en-US")}`}${isFiltered(filter) ? " that match" : ""}`;
}
