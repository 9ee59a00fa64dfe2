import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { serverNow } from "../clock/now";
import { ProblemError } from "../http/problem";
import { LiveClient } from "./client";
import { FakeWorld } from "./FakeSocket";
import { conversation, eventFrame, LOG, piece, STREAM, snapshot } from "./samples";
import { newLiveStore } from "./store";
import type { StoredEvent } from "./wire.gen";

let world: FakeWorld;
let client: LiveClient;

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const known = () => client.store.getState().streams[STREAM];
const event = (seq: number) => eventFrame(LOG[seq - 1] as StoredEvent);
const subscriptions = () => world.socket.sent.filter((frame) => frame.op === "subscribe");

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  world = new FakeWorld();
  client = new LiveClient(world, newLiveStore());
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

async function live() {
  client.start();
  await pass(0);
  world.socket.welcome(new Date().toISOString());
}

describe("following", () => {
  test("subscribes once for all that look, and leaves when nobody has looked for two seconds", async () => {
    await live();
    const first = client.follow(STREAM);
    const second = client.follow(STREAM);
    first();
    await pass(5000);
    expect(world.socket.ops()).not.toContain(`unsubscribe ${STREAM}`);
    second();
    second();
    await pass(1999);
    expect(world.socket.ops()).not.toContain(`unsubscribe ${STREAM}`);
    await pass(1);
    expect(subscriptions()).toHaveLength(1);
    expect(world.socket.ops().filter((op) => op.startsWith("unsubscribe"))).toEqual([`unsubscribe ${STREAM}`]);
  });

  test("a page that comes back within two seconds does not subscribe again", async () => {
    await live();
    client.follow(STREAM)();
    await pass(1000);
    client.follow(STREAM);
    await pass(5000);
    expect(subscriptions()).toHaveLength(1);
  });

  test("goes on where it was: with the epoch and the last number, after a reconnection and after coming back", async () => {
    await live();
    const leave = client.follow(STREAM);
    world.socket.say(snapshot(4));
    await pass(50);
    world.socket.drop();
    await pass(500);
    world.socket.welcome();
    expect(subscriptions()).toEqual([{ op: "subscribe", stream: STREAM, epoch: "db-1", since: 4 }]);
    world.socket.say({ op: "resumed", stream: STREAM, epoch: "db-1", seq: 4 }, event(5), event(6));
    await pass(50);
    expect(known()?.seq).toBe(6);
    leave();
    await pass(2000);
    client.follow(STREAM);
    expect(subscriptions().at(-1)).toEqual({ op: "subscribe", stream: STREAM, epoch: "db-1", since: 6 });
  });

  test("asks again after a gap, and without `since` after a resync", async () => {
    await live();
    client.follow(STREAM);
    world.socket.say(snapshot(4), event(6));
    await pass(50);
    expect(subscriptions().at(-1)).toEqual({ op: "subscribe", stream: STREAM, epoch: "db-1", since: 4 });
    world.socket.say({ op: "resync", stream: STREAM });
    await pass(50);
    expect(subscriptions().at(-1)).toEqual({ op: "subscribe", stream: STREAM, epoch: "", since: 0 });
  });

  test.each([
    ["a resync", { op: "resync", stream: STREAM } as const, 0],
    ["a gap", event(6), 4],
  ])("asks again after %s while nobody looks for a moment", async (_, frame, since) => {
    await live();
    const leave = client.follow(STREAM);
    world.socket.say(snapshot(4));
    await pass(50);
    leave();
    world.socket.say(frame);
    await pass(500);
    client.follow(STREAM);
    expect(subscriptions()).toHaveLength(2);
    expect(subscriptions().at(-1)).toMatchObject({ since });
    world.socket.say(snapshot(6));
    await pass(50);
    expect(known()).toMatchObject({ asking: false, seq: 6 });
  });

  test("asks for a lost draft at most every three seconds", async () => {
    await live();
    client.follow(STREAM);
    world.socket.say(snapshot(3), piece(9, "late"));
    await pass(50);
    expect(subscriptions()).toHaveLength(2);
    world.socket.say(snapshot(3), piece(30, "later"));
    await pass(100);
    expect(subscriptions()).toHaveLength(2);
    await pass(3000);
    expect(subscriptions()).toHaveLength(3);
  });
});

describe("showing", () => {
  test("text is shown at most twenty times a second", async () => {
    await live();
    client.follow(STREAM);
    world.socket.say(snapshot(3));
    await pass(50);
    let shown = 0;
    client.store.subscribe(() => {
      shown += 1;
    });
    for (let at = 0; at < 100; at += 1) {
      world.socket.say(piece(at, "x"));
      await pass(10);
    }
    await pass(50);
    const state = known();
    expect(state && conversation(state).drafts.run_1?.text.points).toBe(100);
    expect(shown).toBeGreaterThan(15);
    expect(shown).toBeLessThanOrEqual(22);
  });

  test("the fleet's beats are shown at most once a second", async () => {
    await live();
    client.follow("fleet");
    world.socket.say({ op: "snapshot", stream: "fleet", epoch: "e1", seq: 0, data: { kind: "fleet", agents: [] } });
    await pass(50);
    const seen: number[] = [];
    client.store.subscribe(({ streams }) => seen.push(streams.fleet?.seq ?? -1));
    for (let seq = 1; seq <= 30; seq += 1) {
      const at = new Date().toISOString();
      world.socket.say({ op: "event", stream: "fleet", seq, at, event: { kind: "BEATS", beats: {} } });
      await pass(100);
    }
    await pass(1000);
    expect(seen.length).toBeLessThanOrEqual(5);
    expect(seen.at(-1)).toBe(30);
  });

  test("ages count from the server's clock", async () => {
    client.start();
    await pass(0);
    world.socket.welcome(new Date(Date.now() + 60_000).toISOString());
    expect(serverNow() - Date.now()).toBe(60_000);
    world.socket.welcome(new Date().toISOString());
  });
});

describe("asking", () => {
  const message = { text: "hello", to: "agent:agt_1", conversation: "" };
  const sent = { conversation: "cnv_1", message_id: "msg_1", run_id: "run_1", seq: 1 };

  test("is answered by its ref", async () => {
    await live();
    const answer = client.ask({ op: "chat.send", ref: "a", message });
    world.socket.say({ op: "accepted", ref: "other", sent }, { op: "accepted", ref: "a", sent });
    await expect(answer).resolves.toEqual(sent);
  });

  test("is said again under the same ref when the connection broke before the answer", async () => {
    await live();
    const answer = client.ask({ op: "chat.send", ref: "a", message });
    world.socket.drop();
    await pass(500);
    world.socket.welcome();
    expect(world.socket.sent.filter((frame) => frame.op === "chat.send")).toEqual([
      { op: "chat.send", ref: "a", message },
    ]);
    world.socket.say({ op: "accepted", ref: "a", sent });
    await expect(answer).resolves.toEqual(sent);
  });

  test("goes on when its sender is told of the silence, until the answer comes or nobody wants it any more", async () => {
    await live();
    const onSilence = vi.fn();
    const answer = client.ask({ op: "chat.send", ref: "a", message }, onSilence);
    const unwanted = client.ask({ op: "chat.send", ref: "b", message }, onSilence);
    await pass(30_000);
    expect(onSilence).toHaveBeenCalledTimes(2);
    client.drop("b");
    await expect(unwanted).resolves.toBeNull();
    const again = client.ask({ op: "chat.send", ref: "a", message }, onSilence);
    client.hurry();
    await pass(0);
    world.socket.welcome(); // the one before was lost in the silence
    const said = world.socket.sent.filter((frame) => frame.op === "chat.send");
    expect(said.map(({ ref }) => ref)).toEqual(["a"]);
    world.socket.say({ op: "accepted", ref: "a", sent });
    await expect(answer).resolves.toEqual(sent);
    await expect(again).resolves.toEqual(sent);
  });

  test("fails with the problem that the server gives, or after thirty seconds without an answer", async () => {
    await live();
    const refused = client.ask({ op: "run.stop", ref: "b", run_id: "run_1" });
    const problem = {
      type: "urn:muster:run_not_found",
      title: "No such run",
      status: 404,
      detail: "It is gone.",
      reason: "run_not_found",
      hint: "",
      trace_id: "t",
    } as const;
    world.socket.say({ op: "error", ref: "b", stream: null, problem });
    await expect(refused).rejects.toEqual(new ProblemError(problem));
    const unheard = expect(client.ask({ op: "run.stop", ref: "c", run_id: "run_1" })).rejects.toThrow(/30 seconds/);
    await pass(30_000);
    await unheard;
  });
});
