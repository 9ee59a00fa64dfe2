import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Within this many pixels of the end the reader counts as being there. */
const NEAR_PX = 48;

interface Sticky {
  box: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  atEnd: boolean;
  toEnd(): void;
  onScroll(): void;
}

/**
 * Keeps the end in sight while the reader is there; otherwise nothing moves. `first` names the first thing in the
 * content: when something is put before it, the reader stays where they were.
 */
export function useSticky(first: unknown): Sticky {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const following = useRef(true);
  const height = useRef(0);
  const top = useRef(0);

  const toEnd = useCallback(() => {
    const element = box.current;
    if (!element) return;
    following.current = true;
    element.scrollTop = element.scrollHeight;
    setAtEnd(true);
  }, []);

  const onScroll = useCallback(() => {
    const element = box.current;
    if (!element) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    // Only a reader goes up; content that grew since the last event is no reason to stop following.
    const wentUp = element.scrollTop < top.current - 1;
    top.current = element.scrollTop;
    if (isNear) following.current = true;
    else if (wentUp) following.current = false;
    setAtEnd(following.current);
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when something was put before what was first
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const grown = element.scrollHeight - height.current;
    if (height.current > 0 && grown > 0 && !following.current) element.scrollTop += grown;
    height.current = element.scrollHeight;
  }, [first]);

  useEffect(() => {
    const inner = content.current;
    if (!inner) return;
    const observer = new ResizeObserver(() => {
      const element = box.current;
      if (!element) return;
      height.current = element.scrollHeight;
      if (following.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(inner);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  return { box, content, atEnd, toEnd, onScroll };
}
