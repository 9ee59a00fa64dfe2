// The three lists: agents with their beats, conversations, commands. Pure.
import type {
  AgentView,
  CommandsSnapshot,
  CommandView,
  ConversationsSnapshot,
  ConversationView,
  EventFrame,
  FleetSnapshot,
} from "./wire.gen";

/** Beats kept for an agent: enough for the widest strip. */
export const BEATS_KEPT = 240;

export interface FleetData {
  kind: "fleet";
  agents: Record<string, AgentView>;
}

export interface ConversationsData {
  kind: "conversations";
  byId: Record<string, ConversationView>;
}

export interface CommandsData {
  kind: "commands";
  byId: Record<string, CommandView>;
}

const keyed = <T extends { id: string }>(items: readonly T[]): Record<string, T> =>
  Object.fromEntries(items.map((item) => [item.id, item]));

export function fleetFrom(snapshot: FleetSnapshot): FleetData {
  return { kind: "fleet", agents: keyed(snapshot.agents) };
}

export function conversationsFrom(snapshot: ConversationsSnapshot): ConversationsData {
  return { kind: "conversations", byId: keyed(snapshot.conversations) };
}

export function commandsFrom(snapshot: CommandsSnapshot): CommandsData {
  return { kind: "commands", byId: keyed(snapshot.commands) };
}

function withBeats(
  agents: Record<string, AgentView>,
  beats: Record<string, number>,
  at: string,
): Record<string, AgentView> {
  const next = { ...agents };
  for (const [id, load] of Object.entries(beats)) {
    const agent = next[id];
    if (!agent) continue;
    const heard = load < 0 ? agent.last_heard : at;
    next[id] = { ...agent, last_heard: heard, beats: [...agent.beats, load].slice(-BEATS_KEPT) };
  }
  return next;
}

export function withFleetEvent(data: FleetData, { event, at }: Pick<EventFrame, "event" | "at">): FleetData {
  switch (event.kind) {
    case "AGENT_CHANGED":
      return { ...data, agents: { ...data.agents, [event.agent.id]: event.agent } };
    case "AGENT_REMOVED": {
      const { [event.agent_id]: _removed, ...agents } = data.agents;
      return { ...data, agents };
    }
    case "BEATS":
      return { ...data, agents: withBeats(data.agents, event.beats, at) };
    default:
      return data;
  }
}

export function withConversationsEvent(data: ConversationsData, event: EventFrame["event"]): ConversationsData {
  if (event.kind !== "CONVERSATION_CHANGED") return data;
  return { ...data, byId: { ...data.byId, [event.conversation.id]: event.conversation } };
}

export function withCommandsEvent(data: CommandsData, event: EventFrame["event"]): CommandsData {
  if (event.kind !== "COMMAND_CHANGED") return data;
  return { ...data, byId: { ...data.byId, [event.command.id]: event.command } };
}
