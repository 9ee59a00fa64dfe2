import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { localProblem, ProblemError } from "../http/problem";
import { backoff } from "./backoff";
import { Connection, type Phase } from "./connection";
import { FakeWorld } from "./FakeSocket";

let world: FakeWorld;
let phases: Phase[];
let trips: number[];
let connection: Connection;

const kinds = () => phases.map((phase) => phase.kind);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  world = new FakeWorld();
  phases = [];
  trips = [];
  connection = new Connection(world, {
    onPhase: (phase) => phases.push(phase),
    onWelcome: () => undefined,
    onFrames: () => undefined,
    onRoundTrip: (ms) => trips.push(ms),
  });
});

afterEach(() => {
  connection.stop();
  vi.useRealTimers();
});

async function connected() {
  connection.start();
  await pass(0);
  world.socket.welcome();
}

describe("connecting", () => {
  test("fetches a ticket, says hello with it, and is live with the welcome", async () => {
    connection.start();
    await pass(0);
    expect(kinds()).toEqual(["connecting"]);
    world.socket.welcome();
    expect(kinds()).toEqual(["connecting", "live"]);
    expect(world.socket.sent[0]).toEqual({ op: "hello", ticket: "ticket-1" });
  });

  test("gives up on a socket that says nothing for ten seconds", async () => {
    connection.start();
    await pass(0);
    const first = world.socket;
    await pass(10_000);
    expect(first.isClosed).toBe(true);
    expect(phases.at(-1)?.kind).toBe("waiting");
  });

  test("ends with a 401: there is nobody to connect for", async () => {
    world.refusal = new ProblemError({ ...localProblem("unauthenticated", "Log in first", ""), status: 401 });
    connection.start();
    await pass(60_000);
    expect(kinds()).toEqual(["connecting", "signed_out"]);
    expect(world.sockets).toHaveLength(0);
  });

  test("is tried again when no ticket can be had for another reason", async () => {
    world.refusal = new TypeError("fetch failed");
    connection.start();
    await pass(0);
    expect(phases.at(-1)).toEqual({ kind: "waiting", retryAt: 1_000_500 });
    world.refusal = null;
    await pass(500);
    world.socket.welcome();
    expect(phases.at(-1)?.kind).toBe("live");
  });
});

describe("after a loss", () => {
  test("waits longer each time, up to a bound, and says until when", async () => {
    connection.start();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await pass(0);
      world.socket.drop();
      const last = phases.at(-1);
      if (last?.kind !== "waiting") throw new Error("it does not wait");
      waits.push(last.retryAt - Date.now());
      await pass(last.retryAt - Date.now());
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("begins again with short waits once a connection has lived", async () => {
    await connected();
    await pass(4000);
    world.socket.say({ op: "pong", ref: "ping-1" });
    await pass(1001);
    world.socket.drop();
    expect(phases.at(-1)).toEqual({ kind: "waiting", retryAt: Date.now() + 500 });
  });

  test("a connection that dies at once does not make the waits short", async () => {
    await connected();
    world.socket.drop();
    await pass(500);
    world.socket.welcome();
    world.socket.drop();
    expect(phases.at(-1)).toEqual({ kind: "waiting", retryAt: Date.now() + 1000 });
  });

  test("does not wait when the network is back", async () => {
    await connected();
    world.socket.drop();
    connection.hurry();
    await pass(0);
    expect(world.sockets).toHaveLength(2);
  });

  test("what the old socket still says is not heard", async () => {
    await connected();
    const old = world.socket;
    const hear = old.onmessage;
    old.drop();
    await pass(500);
    hear?.(new MessageEvent("message", { data: '{"op":"reconnect","after_ms":60000}' }));
    world.socket.welcome();
    expect(phases.at(-1)?.kind).toBe("live");
  });
});

describe("while live", () => {
  test("measures the way there and back every ten seconds", async () => {
    await connected();
    await pass(18);
    world.socket.say({ op: "pong", ref: "ping-1" });
    await pass(10_000);
    await pass(7);
    world.socket.say({ op: "pong", ref: "ping-2" });
    expect(trips[0]).toBe(18);
    expect(world.socket.ops().filter((op) => op === "ping")).toHaveLength(2);
  });

  test("a socket that does not answer a ping is dead", async () => {
    await connected();
    const silent = world.socket;
    await pass(8000);
    expect(silent.isClosed).toBe(true);
    expect(phases.at(-1)?.kind).toBe("waiting");
  });

  test("a server that is about to stop says when to come back", async () => {
    await connected();
    world.socket.say({ op: "reconnect", after_ms: 3000 });
    expect(phases.at(-1)).toEqual({ kind: "waiting", retryAt: Date.now() + 3500 });
  });

  test("nothing is sent after it was stopped", async () => {
    await connected();
    const { socket } = world;
    const before = socket.sent.length;
    connection.stop();
    await pass(60_000);
    expect(connection.send([{ op: "ping", ref: "x" }])).toBe(false);
    expect(socket.sent).toHaveLength(before);
    expect(world.sockets).toHaveLength(1);
  });
});

test("the back-off has full jitter: anything between nothing and its bound", () => {
  expect(backoff(3, 0)).toBe(0);
  expect(backoff(3, 0.5)).toBe(2000);
  expect(backoff(30, 1)).toBe(15_000);
});
