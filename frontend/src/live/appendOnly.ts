// A list that only grows, shared by all states that saw it: each state knows how much of it is its own. So a state
// stays what it was while the next one is one item longer, and nothing is copied for each piece of output.

export interface AppendOnly<T> {
  readonly items: readonly T[];
  readonly size: number;
}

export const NOTHING: AppendOnly<never> = { items: [], size: 0 };

export function appendOnly<T>(items: readonly T[]): AppendOnly<T> {
  return { items: [...items], size: items.length };
}

/** `list` with `item` at its end. A list that another state has grown already is copied. */
export function appended<T>(list: AppendOnly<T>, item: T): AppendOnly<T> {
  const own = list.items.length === list.size && list.size > 0;
  const items = (own ? list.items : list.items.slice(0, list.size)) as T[];
  items.push(item);
  return { items, size: items.length };
}

/** The items that belong to this state, from number `from` on. */
export function itemsOf<T>(list: AppendOnly<T>, from = 0): T[] {
  return list.items.slice(from, list.size);
}
