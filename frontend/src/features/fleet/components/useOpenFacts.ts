import { type FocusEvent, type MouseEvent, useEffect, useRef, useState } from "react";

/** How long the pointer rests before the facts are shown, in milliseconds. */
const REST_MS = 300;

function indexIn(target: EventTarget): number | null {
  const cell = target instanceof Element ? target.closest("[data-index]") : null;
  return cell instanceof HTMLElement ? Number(cell.dataset.index) : null;
}

/** Which cell shows its facts: the one where the pointer rests, or that has the focus by keyboard. */
export function useOpenFacts() {
  const [openIndex, setOpenIndex] = useState<number | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const over = useRef<number | null>(null);
  useEffect(() => () => clearTimeout(timer.current), []);

  const openSoon = (index: number | null) => {
    clearTimeout(timer.current);
    setOpenIndex(null);
    if (index !== null) timer.current = setTimeout(() => setOpenIndex(index), REST_MS);
  };
  const handlers = {
    onMouseOver: (event: MouseEvent) => {
      const index = indexIn(event.target);
      if (index === over.current || !matchMedia("(hover: hover)").matches) return;
      over.current = index;
      openSoon(index);
    },
    onMouseOut: (event: MouseEvent) => {
      if (event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)) return;
      over.current = null;
      openSoon(null);
    },
    onFocusCapture: (event: FocusEvent) => {
      if (event.target.matches(":focus-visible")) openSoon(indexIn(event.target));
    },
    onBlurCapture: () => openSoon(null),
  };
  return { openIndex, handlers };
}
