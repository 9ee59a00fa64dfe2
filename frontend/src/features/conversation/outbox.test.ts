import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { localProblem, ProblemError } from "../../http/problem";
import { LiveClient } from "../../live/client";
import { FakeWorld } from "../../live/FakeSocket";
import { newLiveStore } from "../../live/store";
import type { ChatSend, Sent } from "../../live/wire.gen";
import { forget, resume, say, sayAgain, takeBack, useOutbox } from "./outbox";
import { useUnsent } from "./unsent";

const MESSAGE = { text: "hello", to: "", conversation: "cnv_1" };
const SENT: Sent = { conversation: "cnv_1", message_id: "msg_1", run_id: "run_1", seq: 1 };
const AT = "2026-11-21T14:00:00.000Z";

let client: LiveClient;
const asked = vi.fn<(frame: ChatSend, onSilence?: () => void) => Promise<Sent | null>>();
const items = () => useOutbox.getState().items;

beforeEach(() => {
  client = new LiveClient(new FakeWorld(), newLiveStore());
  client.ask = (frame, onSilence) => asked(frame as ChatSend, onSilence);
  asked.mockReset();
  useOutbox.setState({ items: [] });
  localStorage.clear();
});

afterEach(() => useOutbox.setState({ items: [] }));

describe("a message on its way", () => {
  test("is there at once, and stored when the server says so", async () => {
    asked.mockResolvedValue(SENT);
    const sent = say(client, MESSAGE, AT);
    expect(items()).toMatchObject([{ state: "sending", message: MESSAGE }]);
    await expect(sent).resolves.toEqual(SENT);
    expect(items()).toMatchObject([{ state: "stored", sent: SENT }]);
  });

  test("keeps its text and the reason when it is refused, and goes again under the same ref", async () => {
    const problem = localProblem("queue_full", "The queue is full", "");
    asked.mockRejectedValueOnce(new ProblemError(problem)).mockResolvedValueOnce(SENT);
    await say(client, MESSAGE, AT);
    const [failed] = items();
    expect(failed).toMatchObject({ state: "failed", problem, message: MESSAGE });
    if (failed) await sayAgain(client, failed);
    expect(items()).toMatchObject([{ state: "stored", problem: null }]);
    const refs = asked.mock.calls.map(([frame]) => frame.ref);
    expect(refs[0]).toBe(refs[1]);
  });

  test("does not claim to know what nobody answered, and is stored when the answer comes late", async () => {
    let answer: (sent: Sent) => void = () => undefined;
    asked.mockImplementationOnce((_, onSilence) => {
      onSilence?.();
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const sent = say(client, MESSAGE, AT);
    expect(items()).toMatchObject([{ state: "silent", problem: { title: "No answer yet" } }]);
    answer(SENT);
    await sent;
    expect(items()).toMatchObject([{ state: "stored", sent: SENT, problem: null }]);
  });

  test("can be taken back; it does not go again", () => {
    asked.mockReturnValue(new Promise(() => undefined));
    client.drop = vi.fn();
    void say(client, MESSAGE, AT);
    const [item] = items();
    expect(item && takeBack(client, item)).toBe("hello");
    expect(client.drop).toHaveBeenCalledWith(item?.ref);
    expect(items()).toEqual([]);
  });

  test("is sent again after a reload, under the ref it had; what was stored is let go", () => {
    asked.mockResolvedValue(SENT);
    const item = { message: MESSAGE, at: AT, problem: null, sent: null };
    useOutbox.setState({
      items: [
        { ...item, ref: "a", state: "sending" },
        { ...item, ref: "b", state: "stored" },
        { ...item, ref: "c", state: "failed" },
        { ...item, ref: "d", state: "silent" },
      ],
    });
    resume(client);
    expect(asked.mock.calls.map(([frame]) => frame.ref)).toEqual(["a", "d"]);
    expect(items().map(({ ref }) => ref)).toEqual(["a", "c", "d"]);
    forget("c");
    expect(items().map(({ ref }) => ref)).toEqual(["a", "d"]);
  });
});

describe("what was typed and not sent", () => {
  test("belongs to its conversation", () => {
    const { result, rerender } = renderHook(({ key }) => useUnsent(key), { initialProps: { key: "a" } });
    act(() => result.current[1]("for a"));
    rerender({ key: "b" });
    expect(result.current[0]).toBe("");
    act(() => result.current[1]("for b"));
    rerender({ key: "a" });
    expect(result.current[0]).toBe("for a");
    act(() => result.current[1](""));
    rerender({ key: "b" });
    expect(result.current[0]).toBe("for b");
    expect(Object.keys(localStorage)).toEqual(["muster.unsent.b"]);
  });
});
