import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen, waitFor } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { codeIn } from "../loginCode";
import { LoginPage } from "./LoginPage";

const SESSION = { user: "usr_1", name: "admin", role: "owner", expires_at: "2026-11-22T00:00:00.000Z" };
const fetched = vi.fn<typeof fetch>();
const onLoggedIn = vi.fn();

function page(fragment: string, ended = false) {
  return (
    <StrictMode>
      <MantineProvider>
        <QueryClientProvider client={new QueryClient()}>
          <LoginPage fragment={fragment} ended={ended} onLoggedIn={onLoggedIn} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>
  );
}

const bodies = () => fetched.mock.calls.map(([, options]) => JSON.parse(String(options?.body)));

beforeEach(() => {
  vi.clearAllMocks();
  vi.stubGlobal("fetch", fetched);
  history.replaceState(null, "", "/login#code=ml_secret");
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a code is posted once, and is gone from the address bar", async () => {
  fetched.mockResolvedValue(new Response(JSON.stringify(SESSION), { status: 200 }));
  render(page("code=ml_secret"));
  expect(location.href).not.toContain("ml_secret");
  await waitFor(() => expect(onLoggedIn).toHaveBeenCalledOnce());
  expect(onLoggedIn.mock.calls[0]?.[0]).toEqual(SESSION);
  expect(bodies()).toEqual([{ code: "ml_secret" }]);
});

test("a used code is told as such, with what to do", async () => {
  const problem = {
    type: "urn:muster:browser_link_used",
    title: "This link has been used or has expired",
    status: 401,
    detail: "A login link works once, within an hour.",
    reason: "browser_link_used",
    hint: "",
    trace_id: "7394da7fe36f2819",
  };
  fetched.mockResolvedValue(new Response(JSON.stringify(problem), { status: 401 }));
  render(page("code=ml_used"));
  expect(await screen.findByRole("heading", { name: problem.title })).toBeTruthy();
  expect(screen.getByText("muster token login")).toBeTruthy();
  expect(screen.getByText(/trace 7394da7f/)).toBeTruthy();
});

test("a link that is opened while the page is shown is used", async () => {
  fetched.mockResolvedValue(new Response(JSON.stringify(SESSION), { status: 200 }));
  const { rerender } = render(page(""));
  expect(screen.getByRole("heading", { name: "You are not logged in" })).toBeTruthy();
  rerender(page("code=ml_later"));
  await waitFor(() => expect(bodies()).toEqual([{ code: "ml_later" }]));
});

test("the end of a session is called that", () => {
  render(page("", true));
  expect(screen.getByRole("heading", { name: "Your session has ended" })).toBeTruthy();
});

test("the fragment is read with and without its sign", () => {
  expect([codeIn("#code=a"), codeIn("code=a&x=1"), codeIn("#x"), codeIn("")]).toEqual(["a", "a", null, null]);
});
