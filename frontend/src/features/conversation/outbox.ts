// Messages that are on their way to being stored. They are shown at once, survive a reload of the page, and keep
// their text until the server has it. The `ref` of a message never changes, so that it is stored once.
import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";
import { newKey } from "../../http/key";
import { asProblem, localProblem } from "../../http/problem";
import type { LiveClient } from "../../live/client";
import type { Problem, SendMessage, Sent } from "../../live/wire.gen";

export interface Outgoing {
  ref: string;
  message: SendMessage;
  at: string;
  /** Silent: no answer for a while, so nobody here knows whether it is stored. It is still on its way. */
  state: "sending" | "silent" | "stored" | "failed";
  problem: Problem | null;
  sent: Sent | null;
}

const SILENCE = localProblem(
  "timed_out",
  "No answer yet",
  "Nobody here knows whether the message is stored.",
  "It is sent again when the connection comes back, and stored only once.",
);

interface Outbox {
  items: Outgoing[];
}

export const useOutbox = create<Outbox>()(
  persist((): Outbox => ({ items: [] }), {
    name: "muster.outbox",
    storage: createJSONStorage(() => sessionStorage),
  }),
);

function change(ref: string, part: Partial<Outgoing>): void {
  const items = useOutbox.getState().items.map((item) => (item.ref === ref ? { ...item, ...part } : item));
  useOutbox.setState({ items });
}

export function forget(ref: string): void {
  useOutbox.setState({ items: useOutbox.getState().items.filter((item) => item.ref !== ref) });
}

async function deliver(client: LiveClient, { ref, message }: Outgoing): Promise<Sent | null> {
  change(ref, { state: "sending", problem: null });
  try {
    const onSilence = () => change(ref, { state: "silent", problem: SILENCE });
    const sent = await client.ask({ op: "chat.send", ref, message }, onSilence);
    change(ref, { state: "stored", problem: null, sent });
    return sent;
  } catch (error) {
    change(ref, { state: "failed", problem: asProblem(error) });
    return null;
  }
}

/** Says something; null if it was not stored. */
export function say(client: LiveClient, message: SendMessage, at: string): Promise<Sent | null> {
  const item: Outgoing = { ref: newKey(), message, at, state: "sending", problem: null, sent: null };
  useOutbox.setState({ items: [...useOutbox.getState().items, item] });
  return deliver(client, item);
}

export function sayAgain(client: LiveClient, item: Outgoing): Promise<Sent | null> {
  return deliver(client, item);
}

/** Lets go of a message and returns its text. One that nobody answered for may be stored all the same. */
export function takeBack(client: LiveClient, { ref, message }: Outgoing): string {
  client.drop(ref);
  forget(ref);
  return message.text;
}

/** After a reload: what was on its way is sent again under its old `ref`. */
export function resume(client: LiveClient): void {
  for (const item of useOutbox.getState().items) {
    if (item.state === "sending" || item.state === "silent") void deliver(client, item);
    else if (item.state === "stored") forget(item.ref);
  }
}
