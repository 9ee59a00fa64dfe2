import type { RefObject } from "react";
import { useKeys } from "../../keys/useKeys";

/** j and k (or the arrows) move the focus from row to row; x selects. ⏎ is the row's own. */
export function useRowKeys(box: RefObject<HTMLElement | null>, onSelect: (id: string) => void): void {
  const rows = () => [...(box.current?.querySelectorAll<HTMLElement>("[data-letter] [data-open]") ?? [])];
  const move = (step: number) => {
    const all = rows();
    const row = document.activeElement?.closest("[data-letter]");
    const at = all.findIndex((one) => row?.contains(one));
    all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    x: () => {
      const row = document.activeElement?.closest<HTMLElement>("[data-letter]");
      if (row?.dataset.letter) onSelect(row.dataset.letter);
    },
  });
}
