import { useEffect, useRef, useState } from "react";
import type { AgentView } from "../../live/wire.gen";
import { type News, news } from "./order";

interface Held {
  agents: AgentView[];
  news: News | null;
  show(): void;
}

/**
 * The agents in an order that holds still while the pointer or the focus is among them. Their text goes on changing in
 * place; who joined, left or moved waits behind `news`. A change of `key` (filter, sort) applies at once.
 */
export function useHeld(wanted: AgentView[], key: string, isHeld: boolean): Held {
  const ids = wanted.map(({ id }) => id);
  const [shown, setShown] = useState({ key, ids });
  const known = useRef(new Map<string, AgentView>());
  useEffect(() => {
    for (const agent of wanted) known.current.set(agent.id, agent);
  });
  const waiting = isHeld && shown.key === key ? news(shown.ids, ids) : null;
  const changed = shown.key !== key || shown.ids.length !== ids.length || shown.ids.some((id, at) => id !== ids[at]);
  if (changed && !waiting) setShown({ key, ids });
  if (!waiting) return { agents: wanted, news: null, show: () => undefined };
  const now = new Map(wanted.map((agent) => [agent.id, agent]));
  return {
    agents: shown.ids.flatMap((id) => now.get(id) ?? known.current.get(id) ?? []),
    news: waiting,
    show: () => setShown({ key, ids }),
  };
}
