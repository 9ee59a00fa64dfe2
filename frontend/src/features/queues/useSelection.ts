import { useState } from "react";

interface Selection {
  ids: ReadonlySet<string>;
  toggle(id: string): void;
  set(ids: string[]): void;
}

/** Which rows are selected. A row that is gone is not selected any more; another list begins with none. */
export function useSelection(rows: readonly { id: string }[], key: string): Selection {
  const [chosen, setChosen] = useState<{ key: string; ids: ReadonlySet<string> }>({ key, ids: new Set() });
  const here = rows.filter(({ id }) => chosen.key === key && chosen.ids.has(id)).map(({ id }) => id);
  const ids = new Set(here);
  return {
    ids,
    toggle: (id) => {
      const next = new Set(ids);
      if (!next.delete(id)) next.add(id);
      setChosen({ key, ids: next });
    },
    set: (wanted) => setChosen({ key, ids: new Set(wanted) }),
  };
}
