import { Button, UnstyledButton } from "@mantine/core";
import { IconChevronUp } from "@tabler/icons-react";
import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useRef } from "react";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { counted } from "../../../format/words";
import { asProblem } from "../../../http/problem";
import type { DeadLetterState, DeadLetterView } from "../../../live/wire.gen";
import { useRowKeys } from "../useRowKeys";
import { useFresh } from "../useStill";
import type { Agents } from "../words";
import { LetterRow } from "./LetterRow";
import { NoLetters } from "./NoLetters";
import classes from "./Room.module.css";

interface Props {
  letters: DeadLetterView[];
  query: UseInfiniteQueryResult;
  state: DeadLetterState;
  isFiltered: boolean;
  listKey: string;
  agents: Agents;
  here: string | undefined;
  /** Null where nothing can be done with them any more. */
  selected: ReadonlySet<string> | null;
  inside: boolean;
  onInside(inside: boolean): void;
  onSelect(id: string): void;
  onOpen(id: string): void;
  onClear(): void;
}

/** Dead letters, newest first; new ones wait while somebody is among them. */
export function LetterList(props: Props) {
  const { letters, query, state, listKey, selected, inside, onInside, onSelect } = props;
  const box = useRef<HTMLDivElement>(null);
  const { shown, fresh, show } = useFresh(letters, listKey, inside);
  useRowKeys(box, onSelect);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it watches, it is not acted upon
    <div
      ref={box}
      className={classes.list}
      data-testid="letters"
      onMouseEnter={() => onInside(true)}
      onMouseLeave={() => onInside(false)}
      onFocus={() => onInside(true)}
      onBlur={(event) => onInside(event.currentTarget.contains(event.relatedTarget))}
    >
      {fresh > 0 && (
        <UnstyledButton className={classes.pill} onClick={show}>
          <IconChevronUp size={14} stroke={1.5} aria-hidden="true" />
          {counted(fresh, "new dead letter")} · show
        </UnstyledButton>
      )}
      {shown.map((letter) => (
        <LetterRow
          key={letter.id}
          letter={letter}
          agents={props.agents}
          isHere={letter.id === props.here}
          isSelected={selected?.has(letter.id) ?? null}
          onSelect={onSelect}
          onOpen={props.onOpen}
        />
      ))}
      {query.isPending && <Loading what="dead letters" rows={4} />}
      {query.isError && (
        <Broken
          title={letters.length > 0 ? "This list may be old" : "Dead letters could not be read"}
          problem={asProblem(query.error)}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.isSuccess && letters.length === 0 && (
        <NoLetters state={state} isFiltered={props.isFiltered} onClear={props.onClear} />
      )}
      {query.hasNextPage && (
        <Button
          variant="subtle"
          className={classes.more ?? ""}
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Earlier dead letters
        </Button>
      )}
    </div>
  );
}
