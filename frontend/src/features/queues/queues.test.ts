import { renderHook } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { AgentView } from "../../live/wire.gen";
import { indented, jsonFault } from "./json";
import { type Groups, grouped } from "./order";
import { letter, queue } from "./samples";
import { filterOf, isFiltered, queuesSearch } from "./search";
import { useSelection } from "./useSelection";
import { useFresh, useStillOrder } from "./useStill";
import { matching, nameOf, note, queueLabel, reasonSentence, reasonWord, summary, toneOf, total } from "./words";

const named = (name: string, state: string) => ({ description: { name }, presence: { state } }) as unknown as AgentView;
const AGENTS = { agt_mailer: named("mailer", "paused"), agt_lost: named("old", "lost") };

describe("what is said of a queue", () => {
  test.each([
    [queue("a"), "", "plain"],
    [queue("a", { consumers: 0 }), "no consumer", "idle"],
    [queue("a", { consumers: 0, depth: 3 }), "no consumer", "bad"],
    [queue("a", { consumers: 0, depth: 3, growth: 0.3 }), "no consumer, grows 18 a minute", "bad"],
    [queue("a", { depth: 3, growth: -20 }), "shrinks 1,200 a minute", "plain"],
    [queue("a", { depth: 3, growth: 0.001 }), "", "plain"],
    [queue("a", { depth: 800 }), "nearly full", "bad"],
    [queue("a", { depth: 1000 }), "full: it refuses messages", "bad"],
    [queue("a", { depth: null, consumers: null }), "the queue server has no such queue", "bad"],
    [queue("a", { depth: null, consumers: null, sampled_at: null }), "not looked at yet", "plain"],
    [queue("a", { role: "broker_input", consumers: 0 }), "no broker takes from it", "bad"],
    [queue("a", { role: "retry", consumers: 0, depth: 4 }), "goes back to the broker by itself", "plain"],
  ] as const)("%#: %j", (one, text, tone) => {
    expect([note(one, undefined), toneOf(one)]).toEqual([text, tone]);
  });

  test("an agent that is away says why nobody takes from its queue", () => {
    expect(note(queue("mailer", { consumers: 0 }), AGENTS.agt_mailer)).toBe("no consumer: paused");
  });

  test("what is not known does not count as a message", () => {
    expect(total([queue("a", { depth: 3 }), queue("b", { depth: null })])).toBe("3 messages in 2 queues");
  });
});

describe("the order of queues", () => {
  const names = ({ inputs, agents, lanes }: Groups) =>
    [inputs, agents, lanes].map((group) => group.map(({ name }) => name));
  const all = [
    queue("parking_queue", { role: "parking", agent_name: "" }),
    queue("broker_input_queue", { role: "broker_input", agent_name: "" }),
    queue("quiet"),
    queue("absent", { consumers: 0 }),
    queue("busy", { depth: 9 }),
    queue("stuck", { depth: 1, consumers: 0 }),
  ];

  test("follows a message's way; among agents those that need somebody come first", () => {
    expect(names(grouped(all, "", {}))).toEqual([
      ["broker_input_queue"],
      ["stuck", "busy", "quiet", "absent"],
      ["parking_queue"],
    ]);
  });

  test("a filter reads names, roles and notes", () => {
    expect(names(grouped(all, "no CONSUMER", {}))[1]).toEqual(["stuck", "absent"]);
    expect(names(grouped(all, "parking", {}))).toEqual([[], [], ["parking_queue"]]);
  });
});

describe("while somebody is among them", () => {
  test("rows keep their places, and new ones come last", () => {
    const hook = renderHook(({ ids, held }) => useStillOrder(ids, "k", held), {
      initialProps: { ids: ["a", "b", "c"], held: false },
    });
    hook.rerender({ ids: ["c", "n", "a"], held: true });
    expect(hook.result.current).toEqual(["a", "c", "n"]);
    hook.rerender({ ids: ["c", "n", "a"], held: false });
    expect(hook.result.current).toEqual(["c", "n", "a"]);
  });

  test("newer rows wait behind a number; older pages are shown at once", () => {
    const rows = (...ids: string[]) => ids.map((id) => ({ id }));
    const hook = renderHook(({ all, held, list }) => useFresh(all, list, held), {
      initialProps: { all: rows("3", "2"), held: false, list: "k" },
    });
    hook.rerender({ all: rows("5", "4", "3", "2", "1"), held: true, list: "k" });
    expect(hook.result.current.shown).toEqual(rows("3", "2", "1"));
    expect(hook.result.current.fresh).toBe(2);
    hook.rerender({ all: rows("9"), held: true, list: "another filter" });
    expect(hook.result.current.shown).toEqual(rows("9"));
  });

  test("what is gone is not selected any more, and another list begins with none", () => {
    const hook = renderHook(
      ({ ids, list }) =>
        useSelection(
          ids.map((id) => ({ id })),
          list,
        ),
      {
        initialProps: { ids: ["a", "b"], list: "k" },
      },
    );
    hook.result.current.set(["a", "b"]);
    hook.rerender({ ids: ["b", "c"], list: "k" });
    expect([...hook.result.current.ids]).toEqual(["b"]);
    hook.rerender({ ids: ["b"], list: "other" });
    expect(hook.result.current.ids.size).toBe(0);
  });
});

describe("dead letters", () => {
  test("reasons are told in words, also those that nobody thought of", () => {
    expect([reasonWord("delivery_limit"), reasonWord("brand_new")]).toEqual(["never finished", "brand new"]);
    expect([reasonSentence("rejected"), reasonSentence("brand_new")]).toEqual([
      "Its receiver could not read it",
      "Brand new",
    ]);
  });

  test("agents are called by their names, others by their ids", () => {
    expect(queueLabel("agent_queue_agt_mailer", AGENTS)).toBe("agent_queue_mailer");
    expect(queueLabel("agent_queue_agt_01J9ZKABCDEFGHJKMNPQRS84T", AGENTS)).toBe("agent_queue_agt_01J9ZK…84T");
    expect(queueLabel("server_input_queue", AGENTS)).toBe("server_input_queue");
    expect(["agent:agt_mailer", "agt_mailer", "brk_01J", "any:skill=ocr"].map((one) => nameOf(one, AGENTS))).toEqual([
      "agent:mailer",
      "mailer",
      "a broker",
      "any:skill=ocr",
    ]);
    expect(summary(letter("dl_1"), AGENTS)).toBe("chat.message from server to agent:mailer");
  });

  test("how many match is known of one condition, not of two", () => {
    const counts = {
      total: 9,
      queues: [{ value: "q", number: 4 }],
      reasons: [{ value: "rejected", number: 5 }],
      agents: [{ value: "agt_1", number: 2 }],
    };
    const of = (raw: Record<string, string>) => matching(filterOf(queuesSearch(raw)), counts);
    expect([of({}), of({ queue: "q" }), of({ reason: "rejected" }), of({ agent: "agt_1" })]).toEqual([9, 4, 5, 2]);
    expect([of({ queue: "q", reason: "rejected" }), of({ queue: "other" })]).toEqual([null, null]);
  });

  test("what cannot be read in the address bar is left out", () => {
    expect(queuesSearch({ q: 12, state: "waiting", letter: { a: 1 }, other: "x" })).toEqual({ q: "12" });
    expect(queuesSearch({ state: "dropped", reason: "expired" })).toEqual({ state: "dropped", reason: "expired" });
    expect([isFiltered(filterOf({ q: "x" })), isFiltered(filterOf({ agent: "x" }))]).toEqual([false, true]);
  });
});

describe("a body", () => {
  test("that is JSON is put on lines, and nothing but white space changes", () => {
    const text = '{"a":[1,2.50,12345678901234567890],"b":{},"c":[],"d":"x, \\"y\\": {z}","e":null}';
    expect(indented(text)).toBe(`{
  "a": [
    1,
    2.50,
    12345678901234567890
  ],
  "b": {},
  "c": [],
  "d": "x, \\"y\\": {z}",
  "e": null
}`);
    expect(indented(indented(text))).toBe(indented(text));
  });

  test.each(["plain words", '"a string"', "12", '{"a": 1', ""])("that is none stays as it is: %j", (text) => {
    expect(indented(text)).toBe(text);
  });

  test("says why it is no JSON", () => {
    expect(jsonFault('{"a": 1}')).toBeNull();
    expect(jsonFault('{"a": }')).toContain("JSON");
  });
});
