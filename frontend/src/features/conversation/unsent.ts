// What was typed and not sent, kept for each conversation in this browser.
import { useEffect, useState } from "react";

const PREFIX = "muster.unsent.";

function read(key: string): string {
  try {
    return localStorage.getItem(PREFIX + key) ?? "";
  } catch {
    return "";
  }
}

function write(key: string, text: string): void {
  try {
    if (text) localStorage.setItem(PREFIX + key, text);
    else localStorage.removeItem(PREFIX + key);
  } catch {
    // Storage is full or forbidden: the text is kept as long as the page.
  }
}

/** The text of a composer; `key` names its conversation. */
export function useUnsent(key: string, initial = ""): [string, (text: string) => void] {
  const [state, setState] = useState(() => ({ key, text: initial || read(key) }));
  const current = state.key === key ? state : { key, text: initial || read(key) };
  if (current !== state) setState(current);
  useEffect(() => write(current.key, current.text), [current.key, current.text]);
  return [current.text, (text) => setState({ key, text })];
}
