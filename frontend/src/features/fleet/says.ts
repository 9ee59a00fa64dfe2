// The two lines of an agent's cell.
import { counted } from "../../format/words";
import type { AgentView } from "../../live/wire.gen";

/** What it does, or why it is in its state. */
export function doing({ presence, runs, description }: AgentView): string {
  const working = presence.state === "busy" || presence.state === "draining";
  const title = working ? runs[0]?.title : "";
  return title || presence.reason || description.about;
}

/** The last line it wrote, or what it can do. */
export function lastLine(agent: AgentView): string {
  const { last_line: line, description } = agent;
  return line && line !== doing(agent) ? line : description.skills.join(" ");
}

export function machines(agents: readonly AgentView[]): number {
  return new Set(agents.map(({ description }) => description.machine.hostname)).size;
}

/** "38 agents on 11 machines" */
export function headcount(agents: readonly AgentView[]): string {
  return `${counted(agents.length, "agent")} on ${counted(machines(agents), "machine")}`;
}

/** States in which time is read to the second. */
export function isUrgent({ presence }: AgentView): boolean {
  return ["busy", "suspect", "draining"].includes(presence.state);
}
