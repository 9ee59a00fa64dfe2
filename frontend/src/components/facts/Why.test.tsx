import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { AgentState, AgentView } from "../../live/wire.gen";
import { Why } from "./Why";

afterEach(cleanup);

function text(state: AgentState, heard: string | null): string | null {
  const agent = { presence: { state, reason: "its heartbeats stopped" }, last_heard: heard };
  return render(<Why agent={agent as AgentView} />).container.textContent;
}

test("of an agent that is lost it says when it was heard last", () => {
  const heard = new Date(Date.now() - 42_000).toISOString();
  expect(text("lost", heard)).toMatch(/^last heard 4\d s ago, its heartbeats stopped$/);
});

test("of others, and of one that was never heard, it says the reason", () => {
  expect(text("suspect", new Date().toISOString())).toBe("its heartbeats stopped");
  expect(text("lost", null)).toBe("its heartbeats stopped");
});
