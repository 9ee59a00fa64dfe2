// Which agents an address for commands names: `agent:<id or name>`, a bare name, or `all:<selector>`. The server
// decides; this shows beforehand whom it will be. Pure.
import type { AgentView } from "../../live/wire.gen";

/** The address as the server takes it: a bare word is an agent's name, terms are a selector. */
export function addressOf(text: string): string {
  const trimmed = text.trim();
  if (/^(agent|all):/.test(trimmed)) return trimmed;
  return trimmed === "*" || trimmed.includes("=") ? `all:${trimmed}` : `agent:${trimmed}`;
}

function glob(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${source}$`).test(text);
}

function holds(term: string, { description }: AgentView): boolean | null {
  const [, key, sign, value] = /^\s*([^=!\s]+)\s*(!?=)\s*(\S.*?)\s*$/.exec(term) ?? [];
  if (!key || !value) return null;
  let is = description.labels[key] === value;
  if (key === "skill") is = description.skills.includes(value);
  if (key === "name") is = glob(value, description.name);
  return is === (sign === "=");
}

/** The agents that the address names now. */
export function reached(text: string, agents: readonly AgentView[]): AgentView[] {
  const address = addressOf(text);
  const value = address.slice(address.indexOf(":") + 1);
  if (address.startsWith("agent:")) {
    return agents.filter(({ id, description }) => id === value || description.name === value);
  }
  if (value.trim() === "*") return [...agents];
  return agents.filter((agent) => value.split(",").every((term) => holds(term, agent) === true));
}
