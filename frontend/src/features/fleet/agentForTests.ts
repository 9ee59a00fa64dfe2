import type { AgentState, AgentView } from "../../live/wire.gen";

interface Sketch {
  labels?: Record<string, string>;
  skills?: string[];
  state?: AgentState;
  host?: string;
  reason?: string;
  since?: string;
}

const AT = "2026-11-21T14:00:00.000Z";
const fact = { state: "holds", since: AT, says: "" } as const;

/** An agent for tests, with the parts that matter to them. */
export function agent(name: string, sketch: Sketch = {}): AgentView {
  const { labels = {}, skills = [], state = "idle", host = "fra-1", reason = "", since = AT } = sketch;
  return {
    id: `agt_${name}`,
    description: {
      name,
      about: "",
      labels,
      skills,
      examples: [],
      model: "",
      slots: 1,
      history: 0,
      accepts_commands: true,
      machine: { hostname: host, os: "", python: "", version: "", pid: 0 },
    },
    presence: { state, reason, since, process: fact, commands: fact, consumer: fact, work: fact },
    last_heard: AT,
    started_at: AT,
    registered_at: AT,
    transport: "relay",
    runs: [],
    last_line: "",
    beats: [],
    beat_interval_ms: 5000,
    quarantine: null,
  };
}
