import { Spotlight } from "@mantine/spotlight";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import classes from "./Finder.module.css";
import { finderStore } from "./finderStore";
import { find } from "./finding";
import { useFindable } from "./useFindable";

/** Pages, agents, conversations and actions under one key. */
export function Finder() {
  const [query, setQuery] = useState("");
  return (
    <Spotlight.Root
      store={finderStore}
      query={query}
      onQueryChange={setQuery}
      shortcut="mod + K"
      scrollable
      maxHeight={460}
      shadow="mu"
      radius="lg"
      transitionProps={{ duration: 120 }}
      overlayProps={{ backgroundOpacity: 0.45, blur: 0 }}
      classNames={{ content: classes.content ?? "" }}
    >
      <Spotlight.Search
        className={classes.search ?? ""}
        leftSection={<IconSearch size={16} stroke={1.5} aria-hidden="true" />}
        placeholder="Find or do"
        aria-label="Find or do"
      />
      <Spotlight.ActionsList className={classes.list ?? ""}>
        <Results query={query} />
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

/** Only while the finder is open: what it lists follows the fleet and the conversations. */
function Results({ query }: { query: string }) {
  const found = find(useFindable(), query);
  const groups = [...new Set(found.map((entry) => entry.group))];
  if (found.length === 0)
    return <Spotlight.Empty className={classes.empty ?? ""}>Nothing is called that.</Spotlight.Empty>;
  return groups.map((group) => (
    <Spotlight.ActionsGroup key={group} label={group} className={classes.group ?? ""}>
      {found
        .filter((entry) => entry.group === group)
        .map((entry) => (
          <Spotlight.Action key={entry.id} className={classes.action ?? ""} onClick={entry.go}>
            <span className={classes.sign}>{entry.sign}</span>
            <span className={classes.label}>{entry.label}</span>
            {entry.description && <span className={classes.description}>{entry.description}</span>}
          </Spotlight.Action>
        ))}
    </Spotlight.ActionsGroup>
  ));
}
