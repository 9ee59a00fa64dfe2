// What components read: a stream is followed while a component that asks for it is on the screen.
import { useCallback, useEffect } from "react";
import { useStore } from "zustand";
import type { CommandData } from "./commandData";
import type { ConversationData } from "./conversationData";
import { useLiveClient } from "./LiveProvider";
import type { CommandsData, ConversationsData, FleetData } from "./lists";
import type { LiveState } from "./store";
import type { StreamData } from "./streamState";
import type { AgentView, Problem } from "./wire.gen";

export function useLive<T>(select: (state: LiveState) => T): T {
  return useStore(useLiveClient().store, select);
}

function useFollow(stream: string | null): void {
  const client = useLiveClient();
  useEffect(() => (stream ? client.follow(stream) : undefined), [client, stream]);
}

function useData<K extends StreamData["kind"]>(
  stream: string | null,
  kind: K,
): Extract<StreamData, { kind: K }> | null {
  useFollow(stream);
  return useLive(
    useCallback(
      ({ streams }) => {
        const data = stream ? streams[stream]?.data : null;
        return data?.kind === kind ? (data as Extract<StreamData, { kind: K }>) : null;
      },
      [stream, kind],
    ),
  );
}

/** Every agent by id; null until the first snapshot. */
export function useFleet(): FleetData["agents"] | null {
  return useData("fleet", "fleet")?.agents ?? null;
}

export function useAgent(id: string | null): AgentView | null {
  useFollow("fleet");
  return useLive(
    useCallback(
      ({ streams }) => {
        const data = streams.fleet?.data;
        return (id && data?.kind === "fleet" && data.agents[id]) || null;
      },
      [id],
    ),
  );
}

export function useConversations(): ConversationsData["byId"] | null {
  return useData("conversations", "conversations")?.byId ?? null;
}

export function useCommands(): CommandsData["byId"] | null {
  return useData("commands", "commands")?.byId ?? null;
}

export function useConversation(id: string | null): ConversationData | null {
  return useData(id && `conversation:${id}`, "conversation");
}

export function useCommand(id: string | null): CommandData | null {
  return useData(id && `command:${id}`, "command");
}

/** Why a stream cannot be followed, if it cannot. */
export function useStreamProblem(stream: string): Problem | null {
  return useLive(useCallback(({ streams }) => streams[stream]?.problem ?? null, [stream]));
}

export function useIsLive(): boolean {
  return useLive(({ phase }) => phase.kind === "live");
}

/** Why nothing can be sent now, in words; null when it can. */
export function useOffline(): string | null {
  const isLive = useIsLive();
  return isLive ? null : "Not connected to the server. This page reconnects by itself.";
}
