import { useElementSize } from "@mantine/hooks";
import { Age } from "../../../clock/Age";
import { Beats } from "../../../components/marks/Beats";
import { Tag } from "../../../components/text/Tag";
import { duration } from "../../../format/duration";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./Agent.module.css";

const PITCH = 4;

/** The latest heartbeats, the machine they come from, and what the agent is labelled with. */
export function BeatStrip({ agent }: { agent: AgentView }) {
  const { ref, width } = useElementSize();
  const { description, presence, beats, beat_interval_ms: interval, last_heard: heard } = agent;
  const count = Math.max(1, Math.min(Math.floor(width / PITCH), beats.length));
  const shown = beats.slice(-count);
  const missed = shown.filter((load) => load < 0).length;
  const { machine, labels, model } = description;
  return (
    <section className={classes.strip} aria-label="Heartbeats and machine">
      <span className={classes.tiny}>
        heartbeats,
        <br />
        every {duration(interval)}
      </span>
      <div ref={ref} className={classes.beats}>
        {width > 0 && <Beats beats={shown} state={presence.state} count={count} pitch={PITCH} height={22} />}
      </div>
      <span className={classes.tiny}>
        {shown.length === 0 ? "none yet" : missed === 0 ? "none missed" : `${missed} missed`}
        <br />
        {heard ? (
          <>
            heard <Age since={heard} as="ago" />
          </>
        ) : (
          "never heard"
        )}
      </span>
      <span className={classes.rule} />
      <span className={classes.tiny}>
        {[machine.hostname, machine.os].filter(Boolean).join(", ")}
        <br />
        <span className="mono">
          {[machine.version && `muster-agent ${machine.version}`, model].filter(Boolean).join(", ")}
        </span>
      </span>
      <span className={classes.tags}>
        {Object.entries(labels).map(([key, value]) => (
          <Tag key={key}>
            {key}={value}
          </Tag>
        ))}
      </span>
    </section>
  );
}
