import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveClient } from "../../../live/client";
import { FakeWorld } from "../../../live/FakeSocket";
import { LiveProvider } from "../../../live/LiveProvider";
import { newLiveStore } from "../../../live/store";
import { Composer } from "./Composer";

let client: LiveClient;
const onSend = vi.fn();
const onStop = vi.fn();

function Page({ running = false }: { running?: boolean }) {
  const [text, setText] = useState("");
  return (
    <MantineProvider>
      <LiveProvider given={client}>
        <Composer
          text={text}
          onText={setText}
          onSend={onSend}
          placeholder="Say something"
          onStop={running ? onStop : undefined}
        />
      </LiveProvider>
    </MantineProvider>
  );
}

const field = () => screen.getByRole("textbox", { name: "Message" });

beforeEach(() => {
  client = new LiveClient(new FakeWorld(), newLiveStore());
  vi.clearAllMocks();
});

afterEach(cleanup);

describe("the composer", () => {
  test("sends with ⏎, begins a line with ⇧⏎, and is empty afterwards", async () => {
    render(<Page />);
    client.store.setState({ phase: { kind: "live" } });
    await userEvent.type(field(), "one{Shift>}{Enter}{/Shift}two{Enter}");
    expect(onSend).toHaveBeenCalledExactlyOnceWith("one\ntwo");
    expect((field() as HTMLTextAreaElement).value).toBe("");
  });

  test("sends nothing that is only space", async () => {
    render(<Page />);
    client.store.setState({ phase: { kind: "live" } });
    await userEvent.type(field(), "   {Enter}");
    expect(onSend).not.toHaveBeenCalled();
  });

  test("keeps the text and says why while there is no connection", async () => {
    render(<Page />);
    client.store.setState({ phase: { kind: "waiting", retryAt: Date.now() + 3000 } });
    await userEvent.type(field(), "hello{Enter}");
    expect(onSend).not.toHaveBeenCalled();
    expect((field() as HTMLTextAreaElement).value).toBe("hello");
    expect(screen.getByText(/Not connected/)).toBeTruthy();
  });

  test("stops what runs with Esc and with its button", async () => {
    render(<Page running />);
    client.store.setState({ phase: { kind: "live" } });
    await userEvent.type(field(), "x{Escape}");
    await userEvent.click(await screen.findByRole("button", { name: "Stop" }));
    expect(onStop).toHaveBeenCalledTimes(2);
  });
});
