import type { DeadLetterDetail, DeadLetterView, QueueView } from "../../live/wire.gen";

const AT = "2026-11-21T14:02:19.204Z";

/** A queue for tests, with the parts that matter to them. */
export function queue(name: string, parts: Partial<QueueView> = {}): QueueView {
  return {
    name,
    role: "agent",
    agent_id: `agt_${name}`,
    agent_name: name,
    depth: 0,
    ready: 0,
    unacked: 0,
    consumers: 1,
    bound: 1000,
    dead_letters: 0,
    rate_in: 0,
    rate_out: 0,
    growth: 0,
    sampled_at: AT,
    ...parts,
  };
}

/** A dead letter for tests. */
export function letter(id: string, parts: Partial<DeadLetterView> = {}): DeadLetterView {
  return {
    id,
    message_id: `msg_${id}`,
    type: "chat.message",
    queue: "agent_queue_agt_mailer",
    reason: "rejected",
    detail: "Its receiver could not read it.",
    exchange: "muster.to_agent",
    key: "agt_mailer",
    sender: "server",
    to: "agent:agt_mailer",
    conversation: "",
    run_id: "",
    agent_id: "agt_mailer",
    size: 310,
    died_at: AT,
    state: "waiting",
    edited: false,
    handled_by: "",
    handled_at: null,
    ...parts,
  };
}

export function detail(id: string, body: string, parts: Partial<DeadLetterDetail> = {}): DeadLetterDetail {
  return { letter: letter(id), body, body_complete: true, may_readdress: true, history: [], ...parts };
}
