// What queues and dead letters are called, and what is to be said of them.
import { counted, shortId } from "../../format/words";
import type {
  AgentView,
  DeadLetterCount,
  DeadLetterCounts,
  DeadLetterView,
  QueueRole,
  QueueView,
} from "../../live/wire.gen";
import { stateWord } from "../../theme/states";
import type { Filter } from "./search";

export type Agents = Record<string, AgentView>;

const AGENT_QUEUE = "agent_queue_";

/** Share of its bound from which a queue is nearly full. */
const NEARLY = 0.8;

/** Reasons that need more words than their own; the server's detail says the rest. */
const REASONS: Record<string, [short: string, sentence: string]> = {
  rejected: ["rejected", "Its receiver could not read it"],
  delivery_limit: ["never finished", "It was delivered again and again, and never finished"],
  expired: ["expired", "It expired before anybody took it"],
  maxlen: ["queue full", "The queue was full"],
  queue_full: ["queue full", "The queue was full"],
  schema_unknown: ["unknown schema", "Nobody here understands its schema"],
  unroutable: ["no such queue", "There is no queue for its address"],
  message_too_large: ["too large", "It is too large for a queue"],
  agent_not_found: ["no such agent", "There is no such agent"],
  no_target: ["no target", "No agent matches its address"],
};

const plain = (reason: string): string => reason.replaceAll("_", " ");

export function reasonWord(reason: string): string {
  return REASONS[reason]?.[0] ?? plain(reason);
}

export function reasonSentence(reason: string): string {
  const words = REASONS[reason]?.[1] ?? plain(reason);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A queue's name with the agent's name in place of its id. */
export function queueLabel(queue: string, agents: Agents): string {
  if (!queue.startsWith(AGENT_QUEUE)) return queue;
  const id = queue.slice(AGENT_QUEUE.length);
  return `${AGENT_QUEUE}${agents[id]?.description.name ?? shortId(id)}`;
}

/** An address, a sender or an agent's id as people know it. */
export function nameOf(address: string, agents: Agents): string {
  const id = address.slice(address.indexOf(":") + 1);
  if (id.startsWith("brk_")) return "a broker";
  const name = agents[id]?.description.name;
  return name || id.startsWith("agt_") ? address.replace(id, name ?? shortId(id)) : address;
}

/** What a dead letter's line says beside its reason. */
export function summary(letter: DeadLetterView, agents: Agents): string {
  const from = letter.sender && `from ${nameOf(letter.sender, agents)}`;
  const to = letter.to && `to ${nameOf(letter.to, agents)}`;
  return [letter.type, from, to].filter(Boolean).join(" ");
}

const FOR: Record<QueueRole, string> = {
  broker_input: "what the broker will route",
  server_input: "answers on their way to the server",
  agent: "",
  retry: "goes back to the broker by itself",
  dead_letter: "on its way to the dead letters below",
  parking: "on its way to the dead letters below",
};

const NOBODY: Record<QueueRole, string> = {
  broker_input: "no broker takes from it",
  server_input: "the server does not take from it",
  agent: "no consumer",
  retry: "",
  dead_letter: "the server does not take from it",
  parking: "the server does not take from it",
};

/** "bad": somebody must do something; "idle": nobody is there, and nothing waits for them. */
export type Tone = "bad" | "idle" | "plain";

/** Whether nobody takes from a queue that somebody should take from. */
export function isAlone({ consumers, role }: QueueView): boolean {
  return consumers === 0 && role !== "retry";
}

export function isFull({ depth, bound }: QueueView): boolean {
  return depth !== null && depth >= bound * NEARLY;
}

export function toneOf(queue: QueueView): Tone {
  const { depth, role, sampled_at: sampled } = queue;
  if ((depth === null && sampled !== null) || isFull(queue)) return "bad";
  if (!isAlone(queue)) return "plain";
  return role !== "agent" || (depth ?? 0) > 0 ? "bad" : "idle";
}

function pace({ growth }: QueueView): string {
  const perMinute = Math.round((growth ?? 0) * 60);
  if (perMinute === 0) return "";
  const many = Math.abs(perMinute).toLocaleString("en-US");
  return `${perMinute > 0 ? "grows" : "shrinks"} ${many} a minute`;
}

/** What is to be said of a queue, the worst first. */
export function note(queue: QueueView, agent: AgentView | undefined): string {
  const { depth, bound, role, sampled_at: sampled } = queue;
  if (sampled === null) return "not looked at yet";
  if (depth === null) return "the queue server has no such queue";
  const state = agent && agent.presence.state !== "idle" ? `: ${stateWord[agent.presence.state]}` : "";
  const said = [
    depth >= bound ? "full: it refuses messages" : isFull(queue) ? "nearly full" : "",
    isAlone(queue) ? NOBODY[role] + (role === "agent" ? state : "") : "",
    pace(queue),
  ].filter(Boolean);
  return said.join(", ") || FOR[role];
}

/** "104 waiting in 16 queues" */
export function total(queues: readonly QueueView[]): string {
  const waiting = queues.reduce((sum, { depth }) => sum + (depth ?? 0), 0);
  return `${counted(waiting, "message")} in ${counted(queues.length, "queue")}`;
}

/** How many wait and match, where the counts tell: of a filter with two parts they do not. */
export function matching({ queue, reason, agent_id: agent }: Filter, counts?: DeadLetterCounts): number | null {
  if (!counts) return null;
  const among = (values: DeadLetterCount[], wanted: string) =>
    values.find(({ value }) => value === wanted)?.number ?? null;
  if ([queue, reason, agent].filter(Boolean).length > 1) return null;
  if (queue) return among(counts.queues, queue);
  if (reason) return among(counts.reasons, reason);
  return agent ? among(counts.agents, agent) : counts.total;
}
