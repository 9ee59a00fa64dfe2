import { ActionIcon, Button, Menu, Tooltip, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronUp, IconLayoutGrid, IconList } from "@tabler/icons-react";
import { type News, newsText, SORTS, type Sort } from "../order";
import type { FleetSearch } from "../search";
import { FilterBox } from "./FilterBox";
import classes from "./Wall.module.css";

interface Props {
  search: FleetSearch;
  onSearch(search: FleetSearch, typed: boolean): void;
  news: News | null;
  onShowNews(): void;
}

/** What is shown, in which order and how; and what waits to be shown. */
export function Toolbar({ search, onSearch, news, onShowNews }: Props) {
  const { q = "", sort = "state", view } = search;
  return (
    <section className={classes.toolbar} aria-label="Filter and order">
      <FilterBox query={q} onQuery={(query, typed) => onSearch({ ...search, q: query }, typed)} />
      <Menu position="bottom-start">
        <Menu.Target>
          <Button
            variant="subtle"
            className={classes.sort ?? ""}
            rightSection={<IconChevronDown size={14} stroke={1.5} aria-hidden="true" />}
          >
            Sort: {SORTS[sort]}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {Object.entries(SORTS).map(([value, text]) => (
            <Menu.Item
              key={value}
              role="menuitemradio"
              aria-checked={value === sort}
              onClick={() => onSearch({ ...search, sort: value as Sort }, false)}
            >
              {text}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {news && (
        <UnstyledButton className={classes.pill} onClick={onShowNews}>
          <IconChevronUp size={14} stroke={1.5} aria-hidden="true" />
          {newsText(news)} · show
        </UnstyledButton>
      )}
      <span className={classes.spring} />
      <span className={classes.switch}>
        <Tooltip label="Grid">
          <ActionIcon
            aria-label="Grid"
            aria-pressed={view !== "table"}
            onClick={() => {
              const { view: _table, ...rest } = search;
              onSearch(rest, false);
            }}
          >
            <IconLayoutGrid size={14} stroke={1.5} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Table">
          <ActionIcon
            aria-label="Table"
            aria-pressed={view === "table"}
            onClick={() => onSearch({ ...search, view: "table" }, false)}
          >
            <IconList size={14} stroke={1.5} />
          </ActionIcon>
        </Tooltip>
      </span>
    </section>
  );
}
