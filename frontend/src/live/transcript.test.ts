import { expect, test } from "vitest";
import { fold, runOf, runsOf, type Transcript } from "./transcript";
import type { StoredEvent } from "./wire.gen";

const AT = "2026-11-21T14:00:00.000Z";
const stored = (events: StoredEvent["event"][]): StoredEvent[] =>
  events.map((event, index) => ({ seq: index + 1, at: AT, event }));

const names = (transcript: Transcript) => runsOf(transcript).map((run) => [run.id, run.agentName, run.text]);

test("a message to many has a run for each of them, in the order of their names", () => {
  const branches = ["a", "b"].map((name) => ({
    run_id: `run_1~agt_${name}`,
    agent_id: `agt_${name}`,
    agent_name: name,
  }));
  const transcript = fold(
    stored([
      {
        kind: "USER_MESSAGE",
        message_id: "msg_1",
        run_id: "run_1",
        sender: "usr_1",
        sender_name: "admin",
        to: "all:*",
        text: "Who is there?",
      },
      { kind: "RUN_FANNED_OUT", run_id: "run_1", branches },
      { kind: "RUN_STARTED", run_id: "run_1~agt_b", agent_id: "agt_b", agent_name: "b", attempt: 1 },
      { kind: "TEXT_MESSAGE_END", run_id: "run_1~agt_b", attempt: 1, message_id: "msg_2", text: "I", sha256: "" },
    ]),
  );
  expect(transcript.order).toEqual(["msg_1", "run_1", "run_1~agt_a", "run_1~agt_b"]);
  expect(names(transcript)).toEqual([
    ["run_1", "", null],
    ["run_1~agt_a", "a", null],
    ["run_1~agt_b", "b", "I"],
  ]);
  expect(runOf(transcript, "run_1")?.branches).toEqual(branches);
});

test("a failed run whose answer is sent again is not over, and shows no failure", () => {
  const failed: StoredEvent["event"] = {
    kind: "RUN_ERROR",
    run_id: "run_1",
    attempt: 1,
    reason: "interrupted",
    message: "It died.",
    hint: "",
    duration_ms: 0,
  };
  const transcript = fold(
    stored([
      { kind: "RUN_STARTED", run_id: "run_1", agent_id: "agt_1", agent_name: "a", attempt: 1 },
      failed,
      { kind: "RUN_QUEUED", run_id: "run_1", agent_id: "agt_1", detail: "Sent again." },
    ]),
  );
  const run = runOf(transcript, "run_1");
  expect([run?.error, run?.endedAt]).toEqual([null, null]);
});

test("a message is not a run, and an unknown run is nobody's", () => {
  const transcript = fold([]);
  expect(runOf(transcript, "msg_1")).toBeNull();
  expect(runsOf(transcript)).toEqual([]);
});

test("folding leaves what it was given as it was", () => {
  const first = fold(stored([{ kind: "RUN_QUEUED", run_id: "run_1", agent_id: "agt_1", detail: "away" }]));
  const copy = structuredClone(first);
  fold(stored([{ kind: "RUN_STARTED", run_id: "run_1", agent_id: "agt_1", agent_name: "a", attempt: 1 }]));
  expect(first).toEqual(copy);
});
