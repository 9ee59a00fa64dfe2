import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createRef, useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DeadLetterView } from "../../../live/wire.gen";
import { detail, letter } from "../samples";
import type { QueuesSearch } from "../search";
import { Room } from "./Room";

vi.mock("../../../live/hooks", () => ({ useOffline: () => null }));

const PATH = "/api/v1/dead-letters";
const PROBLEM = {
  type: "urn:muster:already_finished",
  title: "It is over",
  status: 409,
  detail: "It was replayed by ada already.",
  reason: "already_finished",
  hint: "Look at its history.",
  trace_id: "7394da7fe36f2819",
};

/** A server of two dead letters; what is asked of it is written down. */
let waiting: DeadLetterView[];
let asked: { call: string; body: unknown }[];
let failing: string;

function answer(url: string, options: RequestInit = {}): Response {
  const { pathname } = new URL(url, "http://muster");
  const call = `${options.method} ${pathname.replace(PATH, "") || "/"}`;
  const body = options.body ? JSON.parse(String(options.body)) : undefined;
  if (options.method !== "GET") asked.push({ call, body });
  if (call === failing) return new Response(JSON.stringify(PROBLEM), { status: 409 });
  const [id = "", action] = pathname.replace(`${PATH}`, "").split("/").filter(Boolean);
  const gone = action ? id : "";
  const handled = waiting.find((one) => one.id === gone);
  if (handled) waiting = waiting.filter((one) => one.id !== gone);
  if (call === "GET /") return json({ items: waiting, next_cursor: null });
  if (call === "GET /counts") {
    return json({ total: waiting.length, queues: [], reasons: [{ value: "rejected", number: 2 }], agents: [] });
  }
  if (call === "POST /drop") {
    const number = waiting.length;
    waiting = [];
    return json({ handled: number, waiting: 0 });
  }
  return json(handled ?? detail(id, '{"text":"page 88"}'));
}

const json = (body: unknown) => new Response(JSON.stringify(body), { status: 200 });

function Page({ first }: { first: QueuesSearch }) {
  const [search, setSearch] = useState(first);
  return <Room box={createRef()} search={search} agents={{}} onSearch={setSearch} />;
}

function show(first: QueuesSearch = {}) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <Page first={first} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return userEvent.setup();
}

const rows = () => screen.findAllByTestId("letter-row");
const button = (name: string | RegExp) => screen.findByRole("button", { name });

beforeEach(() => {
  waiting = [letter("dl_2"), letter("dl_1")];
  asked = [];
  failing = "";
  vi.stubGlobal("fetch", (url: string, options: RequestInit) => Promise.resolve(answer(url, options)));
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("those that are selected are sent again, each by its id", async () => {
  const user = show();
  const [first] = await rows();
  await user.click(within(first as HTMLElement).getByRole("checkbox"));
  await user.click(await button("Replay 1"));
  await waitFor(() => expect(screen.getAllByTestId("letter-row")).toHaveLength(1));
  expect(asked).toEqual([{ call: "POST /dl_2/replay", body: undefined }]);
  expect(await screen.findByText("1 message sent again")).toBeTruthy();
});

test("one that cannot be handled says why and stays selected", async () => {
  failing = "POST /dl_1/replay";
  const user = show();
  await rows();
  await user.click(screen.getByRole("checkbox", { name: "Select all that are shown" }));
  await user.click(await button("Replay 2"));
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("It was replayed by ada already. Look at its history.");
  expect(alert.textContent).toContain("already_finished");
  expect(await screen.findByText("1 selected")).toBeTruthy();
});

test("dropping asks first, and the button says how many", async () => {
  const user = show();
  await rows();
  await user.click(await button("Drop all 2…"));
  expect(asked).toEqual([]);
  await user.click(await button("Drop 2 messages"));
  expect(await screen.findByText("No dead letters wait")).toBeTruthy();
  expect(asked).toEqual([
    { call: "POST /drop", body: { filter: { queue: "", reason: "", agent_id: "" }, limit: 500 } },
  ]);
});

test("the keyboard moves, selects and opens", async () => {
  const user = show();
  await rows();
  await user.keyboard("jjx");
  expect(await screen.findByText("1 selected")).toBeTruthy();
  await user.keyboard("{Enter}");
  const sheet = await screen.findByRole("dialog");
  expect(within(sheet).getByRole("heading", { name: "Its receiver could not read it" })).toBeTruthy();
  expect((await screen.findByTestId("letter-body")).textContent).toBe('{\n  "text": "page 88"\n}');
});

test("only what was changed is sent, and a body that is no JSON any more is pointed out", async () => {
  const user = show({ letter: "dl_1" });
  await user.click(await button("Edit"));
  const body = await screen.findByRole("textbox", { name: "Body" });
  await user.clear(body);
  await user.type(body, "{{");
  expect(await screen.findByText(/No longer JSON/)).toBeTruthy();
  await user.type(body, "}");
  await user.click(await button("Save"));
  await waitFor(() => expect(asked).toEqual([{ call: "PATCH /dl_1", body: { body: "{}" } }]));
});

test("an unreachable list says so and offers another try", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
  show();
  expect((await screen.findByRole("alert")).textContent).toContain("Dead letters could not be read");
  expect(await button("Try again")).toBeTruthy();
});
