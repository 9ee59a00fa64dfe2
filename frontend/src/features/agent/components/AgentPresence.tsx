import { Age } from "../../../clock/Age";
import { Why } from "../../../components/facts/Why";
import { Bar } from "../../../components/marks/Bar";
import { signOf } from "../../../components/tally/strokes";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView, Fact } from "../../../live/wire.gen";
import { strokeColor } from "../../../theme/states";
import classes from "./Agent.module.css";
import { FACT_WORD, FACTS, thirdLine } from "./facts";

/** The state with its age and reason, and the four facts it is derived from, each with its time. */
export function AgentPresence({ agent }: { agent: AgentView }) {
  const { presence } = agent;
  const { strokes } = signOf(presence.state, presence);
  return (
    <section className={classes.presence} aria-label="Presence">
      <div className={classes.says}>
        <Tally state={presence.state} facts={presence} reason={presence.reason} size={50} />
        <div>
          <div className={classes.state}>
            <StateWord state={presence.state} strong />{" "}
            <span>
              for <Age since={presence.since} as="precise" />
            </span>
          </div>
          <div className={classes.reason}>
            <Why agent={agent} />
          </div>
        </div>
      </div>
      <div className={classes.facts}>
        {FACTS.map(({ key, name }, index) => {
          const fact: Fact = presence[key];
          return (
            <div key={key} className={classes.fact} data-testid={`fact-${key}`}>
              <Bar mark={strokes[index] ?? "dashed"} color={strokeColor(presence.state)} />
              <div>
                <div>
                  <b>{name}</b> <span className={classes.word}>{FACT_WORD[key][fact.state]}</span>
                </div>
                <div className={classes.mono} title={fact.says}>
                  {fact.says}
                </div>
                <div className={classes.monoQuiet}>
                  {fact.since && (
                    <>
                      for <Age since={fact.since} as="precise" />
                    </>
                  )}
                  {fact.since && thirdLine(key, agent) && ", "}
                  {thirdLine(key, agent)}
                </div>
              </div>
            </div>
          );
        })}
      </div>
    </section>
  );
}
