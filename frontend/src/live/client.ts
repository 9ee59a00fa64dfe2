// Joins the connection to the store: who follows which stream, and how often what arrives is shown.
import { setClockOffset } from "../clock/now";
import { epochMs } from "../format/moment";
import { Batches } from "./batches";
import { Connection, type Phase, type Surroundings } from "./connection";
import { isStreamFrame, type RequestFrame, type ServerFrame, type StreamFrame } from "./frames";
import { Requests } from "./requests";
import type { LiveStore } from "./store";
import { newStream, type Question, reduce, type StreamState } from "./streamState";
import type { Sent, Subscribe, Welcome } from "./wire.gen";

/** A stream that nobody looks at any more is kept for this long: pages often change places. */
const LINGER_MS = 2000;
/** States that are kept after that, so that a page one comes back to is there at once. */
const KEPT = 12;
/** A new snapshot of one stream is asked for at most this often. */
const FRESH_MS = 3000;

export class LiveClient {
  readonly store: LiveStore;
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly world: Surroundings;
  private readonly followers = new Map<string, number>();
  private readonly lingering = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly askedFresh = new Map<string, number>();
  private readonly batches: Batches;

  constructor(world: Surroundings, store: LiveStore) {
    this.world = world;
    this.store = store;
    this.batches = new Batches((frames) => this.apply(frames), world.now);
    this.connection = new Connection(world, {
      onPhase: (phase) => this.onPhase(phase),
      onWelcome: (welcome) => this.onWelcome(welcome),
      onFrames: (frames) => this.onFrames(frames),
      onRoundTrip: (ms) => this.store.setState({ roundTripMs: Math.round(ms) }),
    });
    this.requests = new Requests((frames) => this.connection.send(frames));
  }

  start(): void {
    this.connection.start();
  }

  stop(): void {
    this.connection.stop();
  }

  hurry(): void {
    this.connection.hurry();
  }

  ask(frame: RequestFrame, onSilence?: () => void): Promise<Sent | null> {
    return this.requests.ask(frame, onSilence);
  }

  drop(ref: string): void {
    this.requests.drop(ref);
  }

  /** Follows a stream until the returned function is called. */
  follow(stream: string): () => void {
    const count = this.followers.get(stream) ?? 0;
    this.followers.set(stream, count + 1);
    const waiting = this.lingering.get(stream);
    clearTimeout(waiting);
    this.lingering.delete(stream);
    if (count === 0 && waiting === undefined) this.subscribe(stream, "since");
    let following = true;
    return () => {
      if (following) this.unfollow(stream);
      following = false;
    };
  }

  /** Changes a stream's data in a way that no frame did: a page of history came by REST. */
  amend(stream: string, change: (state: StreamState) => StreamState): void {
    this.batches.flush();
    const state = this.store.getState().streams[stream];
    if (state) this.put({ [stream]: change(state) });
  }

  private unfollow(stream: string): void {
    const count = (this.followers.get(stream) ?? 1) - 1;
    if (count > 0) {
      this.followers.set(stream, count);
      return;
    }
    this.followers.delete(stream);
    this.lingering.set(
      stream,
      setTimeout(() => this.leave(stream), LINGER_MS),
    );
  }

  private leave(stream: string): void {
    this.lingering.delete(stream);
    this.connection.send([{ op: "unsubscribe", stream }]);
    const { streams } = this.store.getState();
    const idle = Object.keys(streams).filter((name) => !this.followers.has(name) && !this.lingering.has(name));
    if (idle.length <= KEPT) return;
    const { [idle[0] ?? ""]: _oldest, ...kept } = streams;
    this.store.setState({ streams: kept });
  }

  private subscribe(stream: string, question: Question): void {
    this.batches.flush();
    const known = this.store.getState().streams[stream] ?? newStream(stream);
    this.put({ [stream]: { ...known, asking: true, problem: null } });
    this.connection.send([this.subscription(stream, question)]);
  }

  private subscription(stream: string, question: Question): Subscribe {
    const state = this.store.getState().streams[stream];
    const resume = question === "since" && state?.data && state.epoch !== "";
    return { op: "subscribe", stream, epoch: resume ? state.epoch : "", since: resume ? state.seq : 0 };
  }

  private onPhase(phase: Phase): void {
    if (phase.kind === "live") this.store.setState({ phase, wasLive: true });
    else this.store.setState({ phase, roundTripMs: null });
  }

  private onWelcome(welcome: Welcome): void {
    setClockOffset(epochMs(welcome.now) - this.world.now());
    this.store.setState({ serverVersion: welcome.version });
    this.batches.flush();
    const wanted = [...this.followers.keys(), ...this.lingering.keys()];
    for (const stream of wanted) this.subscribe(stream, "since");
    this.requests.sendAgain();
  }

  private onFrames(frames: ServerFrame[]): void {
    for (const frame of frames) {
      if (isStreamFrame(frame)) this.batches.push(frame);
      else this.requests.onFrame(frame);
    }
  }

  private apply(frames: StreamFrame[]): void {
    const changed: Record<string, StreamState> = {};
    const questions = new Map<string, Question>();
    for (const frame of frames) {
      const state = changed[frame.stream] ?? this.store.getState().streams[frame.stream];
      if (!state) continue;
      const step = reduce(state, frame);
      changed[frame.stream] = step.state;
      if (step.ask) questions.set(frame.stream, step.ask);
    }
    this.put(changed);
    for (const [stream, question] of questions) this.question(stream, question);
  }

  private question(stream: string, question: Question): void {
    const now = this.world.now();
    const wait = question === "fresh" ? (this.askedFresh.get(stream) ?? 0) + FRESH_MS - now : 0;
    if (wait > 0) {
      setTimeout(() => this.question(stream, question), wait);
      return;
    }
    if (question === "fresh") this.askedFresh.set(stream, now);
    const stillAsking = this.store.getState().streams[stream]?.asking === true;
    // A stream that lingers is subscribed, and somebody may come back to it without subscribing.
    const isWanted = this.followers.has(stream) || this.lingering.has(stream);
    if (stillAsking && isWanted) this.connection.send([this.subscription(stream, question)]);
  }

  private put(changed: Record<string, StreamState>): void {
    if (Object.keys(changed).length === 0) return;
    this.store.setState({ streams: { ...this.store.getState().streams, ...changed } });
  }
}
