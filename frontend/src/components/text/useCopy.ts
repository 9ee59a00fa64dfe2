import { useEffect, useState } from "react";
import { copyText } from "./copyText";

/** How long "copied" is shown, in milliseconds. */
const SHOWN_MS = 1500;

/** Copies text, and says for a moment that it did. */
export function useCopy(text: string): { copied: boolean; copy(): void } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return { copied, copy: () => void copyText(text).then(setCopied) };
}
