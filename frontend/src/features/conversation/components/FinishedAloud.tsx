import { useEffect, useRef, useState } from "react";
import { isOver, runsOf, type Transcript } from "../../../live/transcript";

/** How much of an answer is read out, in characters. */
const MOST = 600;

/** Tells listeners of each answer once it is finished, never while it is written. */
export function FinishedAloud({ transcript }: { transcript: Transcript }) {
  const [spoken, setSpoken] = useState("");
  const known = useRef<Set<string> | null>(null);
  useEffect(() => {
    const over = runsOf(transcript).filter(isOver);
    const before = known.current;
    known.current = new Set(over.map((run) => run.id));
    // What was there when the page opened is read by whoever reads the page.
    if (!before) return;
    const fresh = over.filter((run) => !before.has(run.id));
    const last = fresh[fresh.length - 1];
    if (last) setSpoken(`${last.agentName}: ${(last.text ?? last.error?.message ?? "").slice(0, MOST)}`);
  }, [transcript]);
  return (
    <div className="unseen" aria-live="polite" data-testid="spoken">
      {spoken}
    </div>
  );
}
