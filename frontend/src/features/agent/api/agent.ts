import { request } from "../../../http/request";
import type { AgentView } from "../../../live/wire.gen";

/** Retires an agent for good: its credentials end, its queue goes, its name is free. */
export function retireAgent(id: string): Promise<void> {
  return request.delete<void>(`/api/v1/agents/${encodeURIComponent(id)}`);
}

/** Lets a quarantined agent back in; it comes by itself. */
export function releaseAgent(id: string): Promise<AgentView> {
  return request.post<AgentView>(`/api/v1/agents/${encodeURIComponent(id)}/release`);
}
