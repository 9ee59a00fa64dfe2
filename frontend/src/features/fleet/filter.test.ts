import { describe, expect, test } from "vitest";
import type { AgentView } from "../../live/wire.gen";
import { agent } from "./agentForTests";
import { matches, parseQuery, queryText, termText, toggled } from "./filter";

const FLEET: AgentView[] = [
  agent("build-1", { labels: { env: "prod", role: "build" }, skills: ["shell"], state: "busy", host: "fra-1" }),
  agent("build-2", { labels: { env: "lab", role: "build" }, skills: ["shell", "ocr"], state: "idle", host: "fra-2" }),
  agent("mailer", {
    labels: { env: "prod" },
    skills: ["mail"],
    state: "waiting",
    host: "fra-1",
    reason: "Wrong template",
  }),
  agent("a.b", { labels: {}, skills: [], state: "lost", host: "lab-7" }),
];

const found = (query: string) =>
  FLEET.filter((one) => matches(parseQuery(query), one)).map(({ description }) => description.name);

describe("a filter", () => {
  test.each([
    ["", ["build-1", "build-2", "mailer", "a.b"]],
    ["env=prod", ["build-1", "mailer"]],
    ["env=prod env=lab", ["build-1", "build-2", "mailer"]],
    ["env=prod role=build", ["build-1"]],
    ["role!=build", ["mailer", "a.b"]],
    ["env=prod role!=build", ["mailer"]],
    ["skill=ocr", ["build-2"]],
    ["state=busy state=waiting", ["build-1", "mailer"]],
    ["machine=fra-1", ["build-1", "mailer"]],
    ["name=build-*", ["build-1", "build-2"]],
    ["name=a.b", ["a.b"]],
    ["name=axb", []],
    ["needs", ["mailer"]],
    ["wrong TEMPLATE", ["mailer"]],
    ["build shell ocr", ["build-2"]],
    ["nobody", []],
  ])("%j finds %j", (query, names) => {
    expect(found(query)).toEqual(names);
  });

  test("is written as it was read", () => {
    expect(queryText(parseQuery("env=prod  flaky role!=gpu"))).toBe("env=prod role!=gpu flaky");
    expect(parseQuery("a=b=c").terms.map(termText)).toEqual(["a=b=c"]);
    expect(parseQuery("= =x x=").words).toEqual(["=", "=x", "x="]);
  });

  test("a state is added to it and taken away again", () => {
    const busy = { key: "state", value: "busy", wanted: true };
    expect(toggled("flaky", busy)).toBe("state=busy flaky");
    expect(toggled("state=busy flaky", busy)).toBe("flaky");
  });
});
