import { Age } from "../../../clock/Age";
import { Facts } from "../../../components/facts/Facts";
import { Why } from "../../../components/facts/Why";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import { Tag } from "../../../components/text/Tag";
import { useAgent } from "../../../live/hooks";
import classes from "./Conversation.module.css";

/** Who answers: its state with the four facts, and where it runs. */
export function AgentDetails({ agentId, to }: { agentId: string; to: string }) {
  const agent = useAgent(agentId);
  if (!agent || to.startsWith("all:")) {
    return (
      <section className={classes.section}>
        <h2>Answers</h2>
        <dl className={classes.pairs}>
          <dt>address</dt>
          <dd className="mono">{to}</dd>
        </dl>
      </section>
    );
  }
  const { description, presence } = agent;
  const labels = Object.entries(description.labels);
  return (
    <section className={classes.section}>
      <div className={classes.agent}>
        <Tally state={presence.state} facts={presence} size={30} silent />
        <div>
          <b>{description.name}</b>
          <small>
            <StateWord state={presence.state} /> <Age since={presence.since} as="precise" />
            {presence.reason && (
              <>
                , <Why agent={agent} />
              </>
            )}
          </small>
        </div>
      </div>
      <Facts presence={presence} />
      <dl className={classes.pairs} style={{ marginTop: 12 }}>
        <dt>machine</dt>
        <dd>{description.machine.hostname}</dd>
        {description.model && <dt>model</dt>}
        {description.model && <dd>{description.model}</dd>}
        {labels.length > 0 && <dt>labels</dt>}
        {labels.length > 0 && (
          <dd>
            {labels.map(([key, value]) => (
              <Tag key={key}>
                {key}={value}
              </Tag>
            ))}
          </dd>
        )}
      </dl>
    </section>
  );
}
