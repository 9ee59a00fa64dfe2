import { Kbd, Pill, PillsInput } from "@mantine/core";
import { IconFilter2 } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useKeys } from "../../../keys/useKeys";
import { parseQuery, parseTerm, queryText, termText } from "../filter";
import classes from "./FilterBox.module.css";

interface Props {
  query: string;
  onQuery(query: string, typed: boolean): void;
}

/** Terms as pills, words as text; both at once in the address bar. */
export function FilterBox({ query, onQuery }: Props) {
  const [text, setText] = useState(() => parseQuery(query).words.join(" "));
  const field = useRef<HTMLInputElement>(null);
  // What is being typed is in the query already, but it is not a pill before a space or ⏎ ends it.
  const done = text !== "" && query.endsWith(text) ? query.slice(0, -text.length) : query;
  const { terms } = parseQuery(done);
  useKeys({ "/": () => field.current?.focus() });
  useEffect(() => {
    if (query === "") setText("");
  }, [query]);

  const write = (value: string) => {
    const parts = value.split(/\s+/);
    const last = parts.pop() ?? "";
    const found = parts.flatMap((part) => parseTerm(part) ?? []);
    const words = parts.filter((part) => part && !parseTerm(part));
    const rest = found.length > 0 ? [...words, last].join(" ").trimStart() : value;
    setText(rest);
    onQuery(`${queryText({ terms: [...terms, ...found], words: [] })} ${rest}`.trim(), true);
  };
  const drop = (index: number) => {
    onQuery(`${queryText({ terms: terms.filter((_, at) => at !== index), words: [] })} ${text}`.trim(), false);
  };

  return (
    <PillsInput
      variant="unstyled"
      classNames={{ root: classes.box ?? "", wrapper: classes.wrapper ?? "", input: classes.input ?? "" }}
      leftSection={<IconFilter2 size={16} stroke={1.5} aria-hidden="true" />}
      rightSection={text || terms.length > 0 ? undefined : <Kbd>/</Kbd>}
    >
      <Pill.Group gap={4}>
        {terms.map((term, index) => (
          <Pill
            key={termText(term)}
            className={classes.pill ?? ""}
            withRemoveButton
            removeButtonProps={{ "aria-label": `Remove ${termText(term)}` }}
            onRemove={() => drop(index)}
          >
            {termText(term)}
          </Pill>
        ))}
        <PillsInput.Field
          className={classes.field ?? ""}
          ref={field}
          value={text}
          placeholder={terms.length > 0 ? "and…" : "Filter by label, skill, state, machine"}
          aria-label="Filter agents"
          onChange={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") write(`${text} `);
            if (event.key === "Backspace" && text === "" && terms.length > 0) drop(terms.length - 1);
            if (event.key === "Escape") field.current?.blur();
          }}
        />
      </Pill.Group>
    </PillsInput>
  );
}
