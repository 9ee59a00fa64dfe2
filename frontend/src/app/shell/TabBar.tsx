import { UnstyledButton } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link, useLocation } from "@tanstack/react-router";
import { SessionMenu } from "../SessionMenu";
import { openFinder } from "./finderStore";
import { isAt, PLACES } from "./nav";
import classes from "./TabBar.module.css";
import { useNews } from "./useNews";

/** The navigation of a phone, within reach of the thumb. */
export function TabBar() {
  const path = useLocation({ select: ({ pathname }) => pathname });
  const news = useNews();
  return (
    <nav className={classes.bar} aria-label="Pages">
      {PLACES.map((place) => (
        <Link key={place.to} to={place.to} className={classes.tab} data-here={isAt(place, path) || undefined}>
          <place.icon size={18} stroke={1.5} aria-hidden="true" />
          {place.short}
          {news[place.to] && (
            <span className={classes.waiting}>
              {news[place.to]}
              <span className="unseen"> wait for you</span>
            </span>
          )}
        </Link>
      ))}
      <UnstyledButton className={classes.tab} onClick={openFinder}>
        <IconSearch size={18} stroke={1.5} aria-hidden="true" />
        Find
      </UnstyledButton>
      <div className={classes.you}>
        <SessionMenu />
      </div>
    </nav>
  );
}
