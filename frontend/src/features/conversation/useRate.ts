import { useEffect, useRef, useState } from "react";

/** Over how long the rate is taken, and how often it is told, in milliseconds. */
const WINDOW_MS = 3000;
const TOLD_MS = 1000;

/** How many a second `count` grows by, told at most once a second. */
export function useRate(count: number): number {
  const [rate, setRate] = useState(0);
  const latest = useRef(count);
  useEffect(() => {
    latest.current = count;
  });
  useEffect(() => {
    let samples = [{ at: Date.now(), count: latest.current }];
    const timer = setInterval(() => {
      const now = Date.now();
      samples = [...samples.filter(({ at }) => now - at <= WINDOW_MS), { at: now, count: latest.current }];
      const first = samples[0];
      const seconds = first ? (now - first.at) / 1000 : 0;
      if (first && seconds > 0) setRate(Math.max(0, Math.round((latest.current - first.count) / seconds)));
    }, TOLD_MS);
    return () => clearInterval(timer);
  }, []);
  return rate;
}
