import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Ref, useMemo, useState } from "react";
import { countsQuery, lettersQuery } from "../api/letters";
import { filterOf, isFiltered, type QueuesSearch } from "../search";
import { useSelection } from "../useSelection";
import type { Agents } from "../words";
import { BulkBar } from "./BulkBar";
import { LetterDrawer } from "./LetterDrawer";
import { LetterList } from "./LetterList";
import classes from "./Room.module.css";
import { RoomHead } from "./RoomHead";

interface Props {
  box: Ref<HTMLElement>;
  search: QueuesSearch;
  agents: Agents;
  onSearch(search: QueuesSearch, typed: boolean): void;
}

/** The dead-letter room: what nobody could take, to be read, mended, sent again or dropped. */
export function Room({ box, search, agents, onSearch }: Props) {
  const state = search.state ?? "waiting";
  const filter = filterOf(search);
  const query = useInfiniteQuery(lettersQuery(state, filter));
  const counts = useQuery(countsQuery(state));
  const letters = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  const selection = useSelection(letters, `${state}|${Object.values(filter).join("|")}`);
  const [inside, setInside] = useState(false);
  const isWaiting = state === "waiting";
  const isQuiet = isWaiting && !isFiltered(filter) && query.isSuccess && letters.length === 0;
  const open = (letter: string | undefined) => {
    const { letter: _old, ...rest } = search;
    onSearch(letter ? { ...rest, letter } : rest, false);
  };
  return (
    <section
      ref={box}
      className={classes.room}
      aria-label="Dead letters"
      data-quiet={isQuiet || undefined}
      data-testid="room"
    >
      <RoomHead search={search} agents={agents} counts={counts.data} onSearch={onSearch} />
      <LetterList
        letters={letters}
        query={query}
        state={state}
        isFiltered={isFiltered(filter)}
        listKey={`${state}|${Object.values(filter).join("|")}`}
        agents={agents}
        here={search.letter}
        selected={isWaiting ? selection.ids : null}
        inside={inside}
        onInside={setInside}
        onSelect={selection.toggle}
        onOpen={open}
        onClear={() => onSearch(search.q ? { q: search.q } : {}, false)}
      />
      {isWaiting && letters.length > 0 && (
        <BulkBar
          shown={letters}
          hasMore={query.hasNextPage}
          selected={selection.ids}
          filter={filter}
          counts={counts.data}
          onSelect={selection.set}
        />
      )}
      {search.letter && (
        <LetterDrawer key={search.letter} id={search.letter} agents={agents} onClose={() => open(undefined)} />
      )}
    </section>
  );
}
