import { Kbd, Tooltip, UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link, useLocation } from "@tanstack/react-router";
import { Logo } from "../../components/page/Logo";
import { useFleet } from "../../live/hooks";
import { SessionMenu } from "../SessionMenu";
import { openFinder } from "./finderStore";
import { isAt, PLACES, type Place } from "./nav";
import { PinnedAgents } from "./PinnedAgents";
import classes from "./Sidebar.module.css";
import { useNews } from "./useNews";

const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The left edge: where one can go, what one has pinned, who one is. */
export function Sidebar() {
  const fleet = useFleet();
  const news = useNews();
  const count = fleet ? Object.keys(fleet).length : null;
  return (
    <aside className={classes.side}>
      <Link to="/fleet" className={classes.brand} aria-label="Muster: to the fleet">
        <span className={classes.wide}>
          <Logo />
        </span>
        <span className={classes.narrow}>
          <Logo word={false} />
        </span>
      </Link>
      <UnstyledButton className={classes.find} onClick={openFinder} aria-label="Find or do">
        <IconSearch size={16} stroke={1.5} aria-hidden="true" />
        <span className={classes.findText}>Find or do</span>
        <Kbd className={classes.wide}>{IS_APPLE ? "⌘K" : "Ctrl K"}</Kbd>
      </UnstyledButton>
      <nav className={classes.nav} aria-label="Pages">
        {PLACES.map((place) => (
          <PlaceLink
            key={place.to}
            place={place}
            count={place.to === "/fleet" ? count : null}
            waiting={news[place.to] ?? 0}
          />
        ))}
      </nav>
      <PinnedAgents />
      <div className={classes.who}>
        <SessionMenu />
      </div>
    </aside>
  );
}

function PlaceLink({ place, count, waiting }: { place: Place; count: number | null; waiting: number }) {
  const here = useLocation({ select: ({ pathname }) => isAt(place, pathname) });
  return (
    <Tooltip label={`${place.name} (${place.keys})`} position="right">
      <Link
        to={place.to}
        className={classes.place}
        data-here={here || undefined}
        aria-current={here ? "page" : undefined}
      >
        <place.icon size={16} stroke={1.5} aria-hidden="true" />
        <span className={classes.name}>{place.name}</span>
        {count !== null && <span className={classes.count}>{count.toLocaleString("en-US")}</span>}
        {waiting > 0 && (
          <span className={classes.waiting} data-testid="waiting-badge">
            {waiting.toLocaleString("en-US")}
            <span className="unseen"> wait for you</span>
          </span>
        )}
      </Link>
    </Tooltip>
  );
}
