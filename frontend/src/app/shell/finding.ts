// What "Find or do" lists, and in which order it answers. Pure.

export interface Found {
  id: string;
  group: "Pages" | "Do" | "Agents" | "Conversations";
  label: string;
  description?: string;
  /** Words that find it beside its label. */
  words?: string;
}

/** The most that is listed of each group: typing finds the others. */
const MOST: Record<Found["group"], number> = { Pages: 4, Do: 6, Agents: 7, Conversations: 5 };

/** How well an entry answers: its beginning, a word in it, somewhere in it, or only beside it; null if not at all. */
function rank({ label, description = "", words = "" }: Found, query: string): number | null {
  const name = label.toLowerCase();
  if (name.startsWith(query)) return 0;
  if (name.split(/[\s./_-]+/).some((word) => word.startsWith(query))) return 1;
  if (name.includes(query)) return 2;
  return `${description} ${words}`.toLowerCase().includes(query) ? 3 : null;
}

/** The entries that answer `query`, the best of each group first; groups stay in their order. */
export function find<T extends Found>(entries: readonly T[], query: string): T[] {
  const wanted = query.trim().toLowerCase();
  const ranked = entries.flatMap((entry) => {
    const place = wanted === "" ? 0 : rank(entry, wanted);
    return place === null ? [] : [{ entry, place }];
  });
  const groups = [...new Set(entries.map((entry) => entry.group))];
  return groups.flatMap((group) =>
    ranked
      .filter(({ entry }) => entry.group === group)
      .sort((a, b) => a.place - b.place)
      .slice(0, MOST[group])
      .map(({ entry }) => entry),
  );
}
