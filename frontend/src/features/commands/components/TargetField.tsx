import { Autocomplete } from "@mantine/core";
import type { AgentView } from "../../../live/wire.gen";

interface Props {
  to: string;
  agents: AgentView[];
  onTo(to: string): void;
  autoFocus: boolean;
}

/** Addresses that are worth offering: every name, every label, everybody. */
function offers(agents: AgentView[]): string[] {
  const labels = agents.flatMap(({ description }) =>
    Object.entries(description.labels).map(([key, value]) => `all:${key}=${value}`),
  );
  const skills = agents.flatMap(({ description }) => description.skills.map((skill) => `all:skill=${skill}`));
  const names = agents.map(({ description }) => description.name);
  return [...new Set([...names.sort(), "all:*", ...labels.sort(), ...skills.sort()])];
}

/** Whom a command is for: an agent's name, or a selector. */
export function TargetField({ to, agents, onTo, autoFocus }: Props) {
  return (
    <Autocomplete
      label="For"
      description="An agent's name, or a selector such as all:env=prod,skill=shell"
      value={to}
      data={offers(agents)}
      openOnFocus={false}
      limit={30}
      maxDropdownHeight={240}
      autoFocus={autoFocus}
      data-autofocus={autoFocus ? true : undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={onTo}
    />
  );
}
