/** Opens one WebSocket once, within `expires_in_s` seconds. */
export interface WebSocketTicket {
  ticket: string;
  expires_in_s: number;
}
