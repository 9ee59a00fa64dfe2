import { UnstyledButton } from "@mantine/core";
import { RollStrokes } from "../../../components/tally/RollStrokes";
import type { AgentState, AgentView } from "../../../live/wire.gen";
import { STATE_ORDER, stateColor, stateWord } from "../../../theme/states";
import { parseQuery } from "../filter";
import classes from "./RollCall.module.css";

interface Props {
  agents: readonly AgentView[];
  query: string;
  onToggle(state: AgentState): void;
}

function countByState(agents: readonly AgentView[]): Map<AgentState, number> {
  const counts = new Map<AgentState, number>();
  for (const { presence } of agents) counts.set(presence.state, (counts.get(presence.state) ?? 0) + 1);
  return counts;
}

/** Everybody, one stroke each, by state. The counts below are filters. */
export function RollCall({ agents, query, onToggle }: Props) {
  const counts = countByState(agents);
  const chosen = parseQuery(query)
    .terms.filter((term) => term.key === "state")
    .map((term) => term.value);
  const states = STATE_ORDER.filter((state) => counts.has(state) || chosen.includes(state));
  const slots = agents.reduce((sum, { description }) => sum + description.slots, 0);
  const used = agents.reduce((sum, { runs }) => sum + runs.length, 0);
  return (
    <section className={classes.call} aria-label="Roll call">
      <div className={classes.segments}>
        {states.map((state) => {
          const count = counts.get(state) ?? 0;
          return (
            <UnstyledButton
              key={state}
              className={classes.segment}
              aria-pressed={chosen.includes(state)}
              aria-label={`${count} ${stateWord[state]}: show only these`}
              data-dim={(chosen.length > 0 && !chosen.includes(state)) || undefined}
              onClick={() => onToggle(state)}
            >
              <RollStrokes state={state} count={count} total={agents.length} />
              <span style={{ color: stateColor[state] }}>
                <b>{count.toLocaleString("en-US")}</b> {stateWord[state]}
              </span>
            </UnstyledButton>
          );
        })}
      </div>
      <div className={classes.number}>
        <span>slots in use</span>
        <b>
          {used} of {slots}
        </b>
      </div>
    </section>
  );
}
