// What pages keep in the address bar. Whatever cannot be read is left out.

export type AgentTab = "console" | "runs" | "about";

export interface AgentSearch {
  tab?: AgentTab;
  command?: string;
}

export interface NewConversationSearch {
  to?: string;
  text?: string;
}

export interface CommandSearch {
  target?: string;
}

export interface LoginSearch {
  ended?: true;
}

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

export function agentSearch(raw: Record<string, unknown>): AgentSearch {
  const search: AgentSearch = {};
  if (raw.tab === "runs" || raw.tab === "about") search.tab = raw.tab;
  if (text(raw.command)) search.command = text(raw.command);
  return search;
}

export function newConversationSearch(raw: Record<string, unknown>): NewConversationSearch {
  const search: NewConversationSearch = {};
  if (text(raw.to)) search.to = text(raw.to);
  if (text(raw.text)) search.text = text(raw.text);
  return search;
}

export function commandSearch(raw: Record<string, unknown>): CommandSearch {
  return text(raw.target) ? { target: text(raw.target) } : {};
}

export function loginSearch(raw: Record<string, unknown>): LoginSearch {
  return raw.ended === true ? { ended: true } : {};
}
