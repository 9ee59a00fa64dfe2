import { Link } from "@tanstack/react-router";
import { Tally } from "../../components/tally/Tally";
import { useFleet } from "../../live/hooks";
import { usePins } from "../pins";
import classes from "./Sidebar.module.css";

/** The agents that one wants to see from everywhere. */
export function PinnedAgents() {
  const fleet = useFleet();
  const ids = usePins((state) => state.ids);
  const agents = ids.flatMap((id) => fleet?.[id] ?? []);
  if (agents.length === 0) return null;
  return (
    <nav aria-label="Pinned agents">
      <div className={classes.caption}>Pinned agents</div>
      {agents.map(({ id, description, presence }) => (
        <Link
          key={id}
          to="/agents/$agentId"
          params={{ agentId: id }}
          className={classes.pin}
          activeProps={{ "data-here": true, "aria-current": "page" }}
          title={description.name}
        >
          <Tally state={presence.state} facts={presence} reason={presence.reason} size={15} />
          <span className={classes.name}>{description.name}</span>
        </Link>
      ))}
    </nav>
  );
}
