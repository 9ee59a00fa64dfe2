import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import classes from "../../features/agent/components/Agent.module.css";
import { CommandPageView } from "../../features/commands/components/CommandPageView";

/** One command on all its targets. */
export function CommandPage() {
  const { commandId } = useParams({ from: "/console/commands/$commandId" });
  const { target } = useSearch({ from: "/console/commands/$commandId" });
  const navigate = useNavigate({ from: "/commands/$commandId" });
  const before = (
    <>
      <Link to="/fleet" className={classes.crumb}>
        Fleet
      </Link>
      <span className={classes.crumb} aria-hidden="true">
        /
      </span>
    </>
  );
  return (
    <CommandPageView
      id={commandId}
      target={target}
      before={before}
      onTarget={(agentId) => void navigate({ search: { target: agentId }, replace: true })}
    />
  );
}
