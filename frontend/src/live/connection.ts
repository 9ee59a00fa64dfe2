// Keeps one WebSocket open: ticket, hello, welcome, then frames; pings; and comes back after every loss.
//
//   connecting ──welcome──► live ──closed, silent, told to──► waiting ──time──► connecting
//        └── ticket refused with 401 ──► signed_out
import { ProblemError } from "../http/problem";
import { backoff } from "./backoff";
import { type ClientFrame, decode, encode, type ServerFrame } from "./frames";
import type { Welcome } from "./wire.gen";

export type Phase =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "waiting"; retryAt: number }
  | { kind: "signed_out" }
  | { kind: "stopped" };

/** The part of a WebSocket that is used; tests give their own. */
export interface Socket {
  send(data: string): void;
  close(): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

export interface Surroundings {
  ticket(): Promise<string>;
  dial(): Socket;
  now(): number;
  random(): number;
}

export interface Listener {
  onPhase(phase: Phase): void;
  onWelcome(welcome: Welcome): void;
  onFrames(frames: ServerFrame[]): void;
  onRoundTrip(ms: number): void;
}

/** How long the welcome may take. */
const WELCOME_MS = 10_000;
/** How often the way there and back is measured, and how long an answer may take before the socket counts as dead. */
const PING_MS = 10_000;
const PONG_MS = 8_000;
/** A connection that lived this long makes the next attempt the first one again. */
const STABLE_MS = 5_000;

export class Connection {
  private readonly world: Surroundings;
  private readonly listener: Listener;
  private socket: Socket | null = null;
  private phase: Phase = { kind: "stopped" };
  private attempt = 0;
  private liveSince = 0;
  private pings = 0;
  private pingSentAt: number | null = null;
  private timers: Partial<Record<"retry" | "welcome" | "ping" | "pong", ReturnType<typeof setTimeout>>> = {};

  constructor(world: Surroundings, listener: Listener) {
    this.world = world;
    this.listener = listener;
  }

  get isLive(): boolean {
    return this.phase.kind === "live";
  }

  start(): void {
    if (this.phase.kind !== "connecting" && this.phase.kind !== "live") void this.connect();
  }

  stop(): void {
    this.hangUp();
    this.become({ kind: "stopped" });
  }

  /** Does not wait any longer: the network is back, or somebody looks at the page again. */
  hurry(): void {
    if (this.phase.kind === "waiting") void this.connect();
  }

  /** Sends if the socket is open; what must arrive is sent again by its owner after the next welcome. */
  send(frames: readonly ClientFrame[]): boolean {
    if (!this.isLive || !this.socket || frames.length === 0) return false;
    this.socket.send(encode(frames));
    return true;
  }

  private become(phase: Phase): void {
    this.phase = phase;
    this.listener.onPhase(phase);
  }

  private later(name: keyof Connection["timers"], ms: number, act: () => void): void {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(act, ms);
  }

  private async connect(): Promise<void> {
    this.hangUp();
    this.become({ kind: "connecting" });
    let ticket: string;
    try {
      ticket = await this.world.ticket();
    } catch (error) {
      this.onNoTicket(error);
      return;
    }
    // stop() may have been called meanwhile.
    if (this.phase.kind !== "connecting") return;
    const socket = this.world.dial();
    this.socket = socket;
    socket.onopen = () => socket.send(encode([{ op: "hello", ticket }]));
    socket.onmessage = (event) => this.onMessage(socket, String(event.data));
    socket.onclose = () => this.onClosed(socket);
    this.later("welcome", WELCOME_MS, () => this.lose());
  }

  private onNoTicket(error: unknown): void {
    if (this.phase.kind !== "connecting") return;
    if (error instanceof ProblemError && error.problem.status === 401) this.become({ kind: "signed_out" });
    else this.wait();
  }

  private onMessage(socket: Socket, message: string): void {
    if (socket !== this.socket) return;
    const frames = decode(message);
    for (const frame of frames) {
      if (frame.op === "welcome") this.onWelcome(frame);
      else if (frame.op === "pong") this.onPong();
    }
    this.listener.onFrames(frames);
    const told = frames.find((frame) => frame.op === "reconnect");
    if (told) this.lose(told.after_ms);
  }

  private onWelcome(welcome: Welcome): void {
    clearTimeout(this.timers.welcome);
    this.liveSince = this.world.now();
    this.become({ kind: "live" });
    this.listener.onWelcome(welcome);
    this.ping();
  }

  private ping(): void {
    this.pings += 1;
    this.pingSentAt = this.world.now();
    this.send([{ op: "ping", ref: `ping-${this.pings}` }]);
    this.later("pong", PONG_MS, () => this.lose());
    this.later("ping", PING_MS, () => this.ping());
  }

  private onPong(): void {
    clearTimeout(this.timers.pong);
    if (this.pingSentAt !== null) this.listener.onRoundTrip(this.world.now() - this.pingSentAt);
    this.pingSentAt = null;
  }

  private onClosed(socket: Socket): void {
    if (socket === this.socket) this.lose();
  }

  private lose(afterMs = 0): void {
    const lived = this.isLive ? this.world.now() - this.liveSince : 0;
    if (lived >= STABLE_MS) this.attempt = 0;
    this.hangUp();
    this.wait(afterMs);
  }

  private wait(afterMs = 0): void {
    const ms = afterMs + backoff(this.attempt, this.world.random());
    this.attempt += 1;
    this.become({ kind: "waiting", retryAt: this.world.now() + ms });
    this.later("retry", ms, () => void this.connect());
  }

  private hangUp(): void {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
