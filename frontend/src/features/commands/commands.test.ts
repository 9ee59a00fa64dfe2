import { describe, expect, test } from "vitest";
import type { AgentView, CommandView, TargetView } from "../../live/wire.gen";
import { isOver, lineOf, strokesOf, targetOf, tookMs } from "./progress";
import { stagesOf } from "./stopStages";
import { addressOf, reached } from "./targets";

const AT = "2026-11-21T14:06:27.204Z";
const later = (ms: number) => new Date(Date.parse(AT) + ms).toISOString();
const now = Date.parse(AT) + 4100;

function target(part: Partial<TargetView> = {}): TargetView {
  return {
    agent_id: "agt_1",
    agent_name: "build",
    state: "running",
    delivered_at: AT,
    started_at: AT,
    ended_at: null,
    duration_ms: null,
    pid: 4410,
    exit_code: null,
    reason: null,
    detail: "",
    stop_requested_at: null,
    stop_requested_by: "",
    stop_acknowledged_at: null,
    stop_confirmed_at: null,
    processes_ended: 0,
    ...part,
  };
}

describe("progress", () => {
  test("is four strokes: stored, delivered, running, done", () => {
    expect(strokesOf(target({ state: "stored", delivered_at: null, started_at: null }))).toEqual([
      "full",
      "stub",
      "stub",
      "stub",
    ]);
    expect(strokesOf(target())).toEqual(["full", "full", "breathing", "stub"]);
    expect(strokesOf(target({ state: "done" }))).toEqual(["full", "full", "full", "full"]);
    expect(strokesOf(target({ state: "failed" }))).toEqual(["full", "full", "full", "stub"]);
  });

  test("counts from the start until the end, or until now", () => {
    expect(tookMs(target(), now)).toBe(4100);
    expect(tookMs(target({ ended_at: later(1000) }), now)).toBe(1000);
    expect(tookMs(target({ duration_ms: 900 }), now)).toBe(900);
    expect(tookMs(target({ started_at: null }), now)).toBeNull();
  });

  test("a target has ended when it says so", () => {
    expect(isOver(target())).toBe(false);
    expect(isOver(target({ state: "expired" }))).toBe(true);
  });

  test("the line is what one would type", () => {
    const line = (argv: string[]) => lineOf({ shell: "", argv });
    expect(lineOf({ shell: "ls | wc", argv: [] })).toBe("ls | wc");
    expect(line(["echo", "two words", "it's", ""])).toBe("echo 'two words' 'it'\\''s' ''");
    expect(line(["git", "commit", "--fixup=HEAD~1", "src/a.ts"])).toBe("git commit '--fixup=HEAD~1' src/a.ts");
  });

  test("a command knows its targets", () => {
    const command = { targets: [target()] } as CommandView;
    expect(targetOf(command, "agt_1")?.agent_name).toBe("build");
    expect(targetOf(command, "agt_2")).toBeNull();
  });
});

describe("a stop", () => {
  const stages = (part: Partial<TargetView>) => stagesOf(target(part), now, "utc");
  const asked = { stop_requested_at: AT, stop_requested_by: "admin" };

  test("has no stages before it was asked for", () => {
    expect(stages({})).toEqual([]);
  });

  test("is requested, and waits to be acknowledged", () => {
    expect(stages(asked)).toMatchObject([
      { name: "Stop requested", time: "14:06:27.204", detail: "by admin", mark: "done" },
      { name: "Acknowledged", time: "4 s so far", mark: "open" },
      { name: "Confirmed dead", time: "", mark: "later" },
    ]);
  });

  test("is acknowledged, and waits for the process group to be empty", () => {
    expect(stages({ ...asked, stop_acknowledged_at: later(38) })).toMatchObject([
      { mark: "done" },
      { time: "+38 ms", detail: "process group 4410 is told", mark: "done" },
      { time: "4 s so far", mark: "open" },
    ]);
  });

  test("is confirmed with its time and how much ended", () => {
    const confirmed = { stop_acknowledged_at: later(38), stop_confirmed_at: later(2100), processes_ended: 5 };
    expect(stages({ ...asked, ...confirmed, state: "stopped", ended_at: later(2100) })[2]).toEqual({
      name: "Confirmed dead",
      time: "+2.1 s",
      detail: "5 processes ended",
      mark: "done",
    });
  });

  test("comes too late for what ended by itself", () => {
    expect(stages({ ...asked, state: "done", ended_at: later(10) }).map(({ mark }) => mark)).toEqual([
      "done",
      "later",
      "later",
    ]);
  });
});

describe("an address", () => {
  const agents = [
    { id: "agt_1", description: { name: "build-1", labels: { env: "prod" }, skills: ["shell"] } },
    { id: "agt_2", description: { name: "build-2", labels: { env: "lab" }, skills: [] } },
  ] as unknown as AgentView[];
  const names = (text: string) => reached(text, agents).map(({ description }) => description.name);

  test.each([
    ["build-1", "agent:build-1"],
    ["agent:agt_2", "agent:agt_2"],
    ["env=prod", "all:env=prod"],
    ["*", "all:*"],
    ["all:name=build-*", "all:name=build-*"],
  ])("%j is sent as %j", (text, address) => {
    expect(addressOf(text)).toBe(address);
  });

  test.each([
    ["build-1", ["build-1"]],
    ["agent:agt_2", ["build-2"]],
    ["*", ["build-1", "build-2"]],
    ["env=prod,skill=shell", ["build-1"]],
    ["env!=prod", ["build-2"]],
    ["name=build-*", ["build-1", "build-2"]],
    ["env=prod,nonsense", []],
    ["nobody", []],
  ])("%j reaches %j", (text, reachedNames) => {
    expect(names(text)).toEqual(reachedNames);
  });
});
