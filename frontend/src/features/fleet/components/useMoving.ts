import { useRef } from "react";
import { useKeys } from "../../../keys/useKeys";
import type { RowsHandle } from "./Rows";

function linkAt(index: number): HTMLAnchorElement | null {
  return document.querySelector(`[data-index="${index}"] a`);
}

function focusedIndex(): number {
  const cell = document.activeElement?.closest("[data-index]");
  return cell instanceof HTMLElement ? Number(cell.dataset.index) : -1;
}

/** j and k move the focus from agent to agent; ⏎ is the link's own. */
export function useMoving(count: number, columns: number) {
  const rows = useRef<RowsHandle>(null);
  const focus = (index: number) => {
    if (count === 0) return;
    const to = Math.min(count - 1, Math.max(0, index));
    rows.current?.reveal(Math.floor(to / columns));
    // A row that was out of sight is there after the next frame.
    const link = linkAt(to);
    if (link) link.focus();
    else requestAnimationFrame(() => linkAt(to)?.focus());
  };
  useKeys({
    j: () => focus(focusedIndex() + 1),
    k: () => focus(focusedIndex() - 1),
    ArrowDown: () => focus(focusedIndex() < 0 ? 0 : focusedIndex() + columns),
    ArrowUp: () => focus(focusedIndex() - columns),
  });
  return { rows };
}
