// A server's side of the WebSocket for tests: what was sent to it, and what it says.
import type { Socket, Surroundings } from "./connection";
import type { ClientFrame, ServerFrame } from "./frames";

export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  isClosed = false;
  readonly sent: ClientFrame[] = [];

  send(data: string): void {
    for (const line of data.split("\n")) this.sent.push(JSON.parse(line) as ClientFrame);
  }

  close(): void {
    this.isClosed = true;
  }

  /** Opens, and welcomes whoever said hello. */
  welcome(now = "1970-01-01T00:00:00.000Z"): void {
    this.onopen?.(new Event("open"));
    this.say({ op: "welcome", epoch: "e1", user: "admin", version: "0.1.0", now });
  }

  say(...frames: ServerFrame[]): void {
    const data = frames.map((frame) => JSON.stringify(frame)).join("\n");
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  drop(): void {
    this.onclose?.(new CloseEvent("close"));
  }

  ops(): string[] {
    return this.sent.map((frame) => ("stream" in frame ? `${frame.op} ${frame.stream}` : frame.op));
  }
}

export class FakeWorld implements Surroundings {
  readonly sockets: FakeSocket[] = [];
  chance = 1;
  refusal: unknown = null;

  ticket = async (): Promise<string> => {
    if (this.refusal) throw this.refusal;
    return `ticket-${this.sockets.length + 1}`;
  };
  dial = (): FakeSocket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  now = (): number => Date.now();
  random = (): number => this.chance;

  get socket(): FakeSocket {
    const last = this.sockets[this.sockets.length - 1];
    if (!last) throw new Error("nobody has dialled");
    return last;
  }
}
