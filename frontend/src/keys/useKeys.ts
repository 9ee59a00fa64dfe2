// Single keys act only where nothing is being typed and no dialog is open; "g f" is two keys within a second. What is
// on the page last comes first: a page may use a key that the shell uses too.
import { useEffect, useRef } from "react";

export type Bindings = Record<string, (event: KeyboardEvent) => void>;

/** How long the second key of a pair may take, in milliseconds. */
const PAIR_MS = 1000;

interface Press {
  key: string;
  at: number;
}

type Layer = { current: Bindings };

const layers: Layer[] = [];
let before: Press = { key: "", at: Number.NEGATIVE_INFINITY };

/** Whether an element takes what is typed for itself. */
export function takesTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

function dialogIsOpen(): boolean {
  return document.querySelector('[aria-modal="true"]') !== null;
}

function isForUs(event: KeyboardEvent): boolean {
  const modified = event.metaKey || event.ctrlKey || event.altKey;
  return !(event.defaultPrevented || modified || event.isComposing || takesTyping(event.target) || dialogIsOpen());
}

/** What a key press means, given the one before it: pairs first, then the layer that came last. */
export function actionFor(all: readonly Bindings[], key: string, previous: Press, now: number) {
  const newestFirst = [...all].reverse();
  const pair = now - previous.at <= PAIR_MS ? `${previous.key} ${key}` : null;
  for (const bindings of newestFirst) if (pair && bindings[pair]) return bindings[pair];
  for (const bindings of newestFirst) if (bindings[key]) return bindings[key];
  return undefined;
}

function onKey(event: KeyboardEvent): void {
  if (!isForUs(event)) return;
  const all = layers.map((layer) => layer.current);
  const act = actionFor(all, event.key, before, event.timeStamp);
  before = { key: event.key, at: event.timeStamp };
  if (!act) return;
  event.preventDefault();
  act(event);
}

export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    layers.push(latest);
    if (layers.length === 1) document.addEventListener("keydown", onKey);
    return () => {
      layers.splice(layers.indexOf(latest), 1);
      if (layers.length === 0) document.removeEventListener("keydown", onKey);
    };
  }, []);
}
