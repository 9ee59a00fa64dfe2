import { Combobox, InputBase, useCombobox } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { Tally } from "../../../components/tally/Tally";
import { StateWord } from "../../../components/text/StateWord";
import type { AgentView } from "../../../live/wire.gen";
import classes from "./New.module.css";

interface Props {
  to: string;
  agents: AgentView[];
  onTo(to: string): void;
}

/** Addresses that choose an agent, or all of them, by what they are. */
const SELECTOR = /^(any|all):\S+$/;
/** The most agents that are listed; typing finds the others. */
const MOST = 40;

function nameOf(to: string, agents: AgentView[]): string {
  const value = to.replace(/^agent:/, "");
  return agents.find(({ id }) => id === value)?.description.name ?? value;
}

/** Whom to speak with: an agent by its name, or a selector such as any:skill=shell. */
export function ToPicker({ to, agents, onTo }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const combobox = useCombobox({ onDropdownClose: () => setTyped(null) });
  const word = (typed ?? "").toLowerCase().trim();
  const found = agents
    .filter(({ description }) => description.name.toLowerCase().includes(word))
    .sort((a, b) => a.description.name.localeCompare(b.description.name, "en", { numeric: true }))
    .slice(0, MOST);
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(value) => {
        onTo(value);
        combobox.closeDropdown();
      }}
    >
      <Combobox.Target>
        <InputBase
          className={classes.picker ?? ""}
          value={typed ?? nameOf(to, agents)}
          placeholder="Agent, or any:skill=shell"
          aria-label="To"
          rightSection={<IconChevronDown size={14} stroke={1.5} aria-hidden="true" />}
          rightSectionPointerEvents="none"
          onFocus={() => combobox.openDropdown()}
          onClick={() => combobox.openDropdown()}
          onBlur={() => combobox.closeDropdown()}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            combobox.openDropdown();
            combobox.selectFirstOption();
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown className={classes.options ?? ""}>
        <Combobox.Options>
          {SELECTOR.test(word) && (
            <Combobox.Option value={word} className={classes.option ?? ""}>
              <span className="mono">{word}</span>
            </Combobox.Option>
          )}
          {found.map(({ id, description, presence }) => (
            <Combobox.Option key={id} value={`agent:${id}`} className={classes.option ?? ""}>
              <Tally state={presence.state} facts={presence} silent size={15} />
              <span className={classes.optionName}>{description.name}</span>
              <StateWord state={presence.state} />
            </Combobox.Option>
          ))}
          {found.length === 0 && !SELECTOR.test(word) && (
            <Combobox.Empty>Nobody is called that. A selector begins with any: or all:</Combobox.Empty>
          )}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
