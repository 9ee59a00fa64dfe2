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
  const all = matching(filter, counts) ?? (hasMore ? null : shown.length);
  const many = `${all === null ? "all" : `all ${all.toLocaleString("en-US")}`}${isFiltered(filter) ? " that match" : ""}`;
  const error = outcome?.error ?? (asked ? null : handling.error);
  const isAll = ids.length === shown.length;
  return (
    <div className={classes.bulk} data-testid="bulk">
      <Checkbox
        size="xs"
        checked={isAll}
        indeterminate={!isAll && ids.length > 0}
        aria-label={isAll ? "Select none" : "Select all that are shown"}
        onChange={() => onSelect(isAll ? [] : shown.map(({ id }) => id))}
      />
      <span className={classes.says} role="status">
        {ids.length > 0 && <b>{ids.length} selected</b>}
        {ids.length === 0 && !outcome && "none selected"}
        {ids.length === 0 && outcome && !error && `${counted(outcome.done, "message")} ${DONE[outcome.wish.action]}`}
      </span>
      {Boolean(error) && <ProblemNote problem={asProblem(error)} />}
      <span className={classes.spring} />
      {ids.length > 0 ? (
        <>
          <Button
            disabled={offline !== null}
            loading={handling.isPending}
            onClick={() => run({ action: "replay", ids })}
          >
            Replay {ids.length}
          </Button>
          <Button
            disabled={offline !== null}
            style={{ color: stateColor.failed }}
            onClick={() => setAsked({ action: "drop", ids })}
          >
            Drop {ids.length}…
          </Button>
        </>
      ) : (
        <>
          <Button disabled={offline !== null} onClick={() => setAsked({ action: "replay", filter })}>
            Replay {many}…
          </Button>
          <Button
            disabled={offline !== null}
            style={{ color: stateColor.failed }}
            onClick={() => setAsked({ action: "drop", filter })}
          >
            Drop {many}…
          </Button>
        </>
      )}
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
