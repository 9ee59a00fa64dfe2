import { request } from "../../../http/request";

/** Retires an agent for good: its credentials end, its queue goes, its name is free. */
export function retireAgent(id: string): Promise<void> {
  return request.delete<void>(`/api/v1/agents/${encodeURIComponent(id)}`);
}
