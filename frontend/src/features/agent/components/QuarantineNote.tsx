import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Moment } from "../../../clock/Moment";
import { ProblemNote } from "../../../components/pictures/ProblemNote";
import { asProblem } from "../../../http/problem";
import { useOffline } from "../../../live/hooks";
import type { AgentView, Quarantine } from "../../../live/wire.gen";
import { releaseAgent } from "../api/agent";
import classes from "./Agent.module.css";

const OFFENCE: Record<Quarantine["offence"], string> = {
  flooding: "Cut off for flooding",
  forging: "Cut off for forging",
};

/** Why an agent was cut off and by whom, what that means, and the way back. */
export function QuarantineNote({ agent }: { agent: AgentView }) {
  const offline = useOffline();
  const release = useMutation({ mutationFn: () => releaseAgent(agent.id) });
  const { quarantine } = agent;
  if (!quarantine) return null;
  const { name } = agent.description;
  return (
    <section className={classes.quarantine} aria-label="Quarantine">
      <div>
        <b>{OFFENCE[quarantine.offence]}</b>{" "}
        <span className={classes.quiet}>
          by {quarantine.by}, <Moment at={quarantine.since} />
        </span>
        <p>{quarantine.detail}</p>
        <p className={classes.quiet}>
          Its connections are closed and it cannot come back by itself. What is sent to it waits in its queue until it
          is released. Find out first why it did this: when it does it again, it is cut off again.
        </p>
        {release.isError && <ProblemNote problem={asProblem(release.error)} />}
      </div>
      <Button
        size="md"
        loading={release.isPending}
        disabled={offline !== null}
        title={offline ?? ""}
        onClick={() => release.mutate()}
      >
        Release {name}
      </Button>
    </section>
  );
}
