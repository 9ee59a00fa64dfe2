// What is written in the filter box: terms that must hold, values of one key in place of each other.
//
//   env=prod env=lab skill=ocr state=busy machine=fra-1 name=build-* role!=gpu flaky
import type { AgentView } from "../../live/wire.gen";
import { stateWord } from "../../theme/states";

export interface Term {
  key: string;
  value: string;
  /** False for `!=`. */
  wanted: boolean;
}

export interface Query {
  terms: Term[];
  words: string[];
}

const TERM = /^([A-Za-z0-9][\w./-]*)(!?=)(.+)$/;

export function parseTerm(text: string): Term | null {
  const [, key, sign, value] = TERM.exec(text) ?? [];
  return key && value ? { key, value, wanted: sign === "=" } : null;
}

export function termText({ key, value, wanted }: Term): string {
  return `${key}${wanted ? "=" : "!="}${value}`;
}

export function parseQuery(text: string): Query {
  const query: Query = { terms: [], words: [] };
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const term = parseTerm(part);
    if (term) query.terms.push(term);
    else query.words.push(part.toLowerCase());
  }
  return query;
}

export function queryText({ terms, words }: Query): string {
  return [...terms.map(termText), ...words].join(" ");
}

function glob(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${source}$`).test(text);
}

function holds(term: Term, agent: AgentView): boolean {
  const { description, presence } = agent;
  switch (term.key) {
    case "skill":
      return description.skills.includes(term.value);
    case "name":
      return glob(term.value, description.name);
    case "state":
      return presence.state === term.value;
    case "machine":
      return description.machine.hostname === term.value;
    default:
      return description.labels[term.key] === term.value;
  }
}

function saysWord(word: string, { description, presence, last_line: line }: AgentView): boolean {
  const { name, about, model, skills, labels, machine } = description;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const all = [
    name,
    about,
    model,
    machine.hostname,
    presence.reason,
    stateWord[presence.state],
    line,
    ...skills,
    ...pairs,
  ];
  return all.some((text) => text.toLowerCase().includes(word));
}

export function matches(query: Query, agent: AgentView): boolean {
  if (!query.words.every((word) => saysWord(word, agent))) return false;
  const unwanted = query.terms.filter((term) => !term.wanted);
  if (unwanted.some((term) => holds(term, agent))) return false;
  const wanted = query.terms.filter((term) => term.wanted);
  const keys = new Set(wanted.map((term) => term.key));
  return [...keys].every((key) => wanted.some((term) => term.key === key && holds(term, agent)));
}

/** The query with a term added, or taken away if it is there. */
export function toggled(text: string, term: Term): string {
  const query = parseQuery(text);
  const same = (other: Term) => termText(other) === termText(term);
  const terms = query.terms.some(same) ? query.terms.filter((other) => !same(other)) : [...query.terms, term];
  return queryText({ ...query, terms });
}
