// What React sees of the live layer: the connection, and the state of every stream that somebody follows.
import { createStore } from "zustand/vanilla";
import type { Phase } from "./connection";
import type { StreamState } from "./streamState";

export interface LiveState {
  phase: Phase;
  /** Whether there was a connection before: "connecting" on a new page, "reconnecting" afterwards. */
  wasLive: boolean;
  roundTripMs: number | null;
  serverVersion: string;
  streams: Record<string, StreamState>;
}

export function newLiveStore() {
  return createStore<LiveState>(() => ({
    phase: { kind: "stopped" },
    wasLive: false,
    roundTripMs: null,
    serverVersion: "",
    streams: {},
  }));
}

export type LiveStore = ReturnType<typeof newLiveStore>;
