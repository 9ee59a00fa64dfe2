import { Button } from "@mantine/core";
import { inWords } from "../../../format/words";
import type { AgentView, SystemView } from "../../../live/wire.gen";
import { stateColor, stateWord } from "../../../theme/states";
import classes from "./FirstRun.module.css";
import { GhostRoll } from "./GhostRoll";
import { HereNow } from "./HereNow";
import { JoinPanel } from "./JoinPanel";

interface Props {
  agents: AgentView[];
  system: SystemView | undefined;
  onChat(agent: AgentView, text: string): void;
  /** There are enough agents for the wall; absent while there are not. */
  onWall?: (() => void) | undefined;
}

function counts(agents: AgentView[]) {
  const states = [...new Set(agents.map(({ presence }) => presence.state))];
  return states.map((state) => ({ state, count: agents.filter(({ presence }) => presence.state === state).length }));
}

/** The fleet page while the fleet is small: who is here, and how to add one of your own. */
export function FirstRun({ agents, system, onChat, onWall }: Props) {
  const answered = agents.filter(
    ({ presence }) => !["lost", "failed", "suspect", "quarantined"].includes(presence.state),
  ).length;
  return (
    <>
      <section className={classes.call} aria-label="Roll call">
        <GhostRoll agents={agents} />
        <span className={classes.counts}>
          {counts(agents).map(({ state, count }) => (
            <span key={state} style={{ color: stateColor[state] }}>
              <b>{count}</b> {stateWord[state]}{" "}
            </span>
          ))}
          <span>one stroke is one agent; the rest are yours to add</span>
        </span>
        {onWall && (
          <Button size="md" variant="filled" onClick={onWall}>
            Show the fleet wall
          </Button>
        )}
      </section>
      <div className={classes.page}>
        <div className={classes.main}>
          <h2>
            {inWords(answered)} {answered === 1 ? "agent" : "agents"} answered.
            <br />
            Add one of your own.
          </h2>
          <p className={classes.lead}>
            Run this on the machine where the agent shall live. It needs one open port to this server, nothing inbound,
            and no root.
          </p>
          <JoinPanel system={system} />
        </div>
        <HereNow agents={agents} onChat={onChat} />
      </div>
    </>
  );
}
