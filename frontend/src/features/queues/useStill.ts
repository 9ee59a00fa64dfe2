// Live rows never move under the pointer or the focus: what is new waits until nobody is among them, or asks.
import { useState } from "react";

/** An order that holds still while somebody is among the rows; a change of `key` applies at once. */
export function useStillOrder(wanted: readonly string[], key: string, isHeld: boolean): readonly string[] {
  const [shown, setShown] = useState({ key, ids: wanted });
  const holds = isHeld && shown.key === key;
  const same = shown.ids.length === wanted.length && shown.ids.every((id, at) => id === wanted[at]);
  if (!holds && (shown.key !== key || !same)) setShown({ key, ids: wanted });
  if (!holds) return wanted;
  const here = new Set(wanted);
  const known = new Set(shown.ids);
  return [...shown.ids.filter((id) => here.has(id)), ...wanted.filter((id) => !known.has(id))];
}

interface Fresh<T> {
  shown: T[];
  /** How many newer ones wait to be shown. */
  fresh: number;
  show(): void;
}

/** Rows with the newest first: while somebody is among them, newer ones wait. */
export function useFresh<T extends { id: string }>(rows: T[], key: string, isHeld: boolean): Fresh<T> {
  const first = rows[0]?.id ?? "";
  const [top, setTop] = useState({ key, id: first });
  const holds = isHeld && top.key === key && top.id !== "";
  if (!holds && (top.key !== key || top.id !== first)) setTop({ key, id: first });
  const shown = holds ? rows.filter(({ id }) => id <= top.id) : rows;
  return { shown, fresh: rows.length - shown.length, show: () => setTop({ key, id: first }) };
}
