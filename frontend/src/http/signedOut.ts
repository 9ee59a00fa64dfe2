// A 401 may come from anywhere; the router hears of it here and shows how to get in again.

const listeners = new Set<() => void>();

export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function tellSignedOut(): void {
  for (const listener of listeners) listener();
}
