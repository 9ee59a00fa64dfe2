import { cleanup, fireEvent, render } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { actionFor, type Bindings, useKeys } from "./useKeys";

afterEach(cleanup);

const never = { key: "", at: Number.NEGATIVE_INFINITY };

function Page({ bindings, children }: { bindings: Bindings; children?: React.ReactNode }) {
  useKeys(bindings);
  return children;
}

test("two keys within a second are a pair, and come before a single one", () => {
  const bindings = { c: () => "push", "g c": () => "chats" };
  expect(actionFor([bindings], "c", never, 0)).toBe(bindings.c);
  expect(actionFor([bindings], "c", { key: "g", at: 0 }, 999)).toBe(bindings["g c"]);
  expect(actionFor([bindings], "c", { key: "g", at: 0 }, 1001)).toBe(bindings.c);
});

test("what came last on the page comes first", () => {
  const shell = vi.fn();
  const page = vi.fn();
  const { rerender } = render(
    <Page bindings={{ c: shell }}>
      <Page bindings={{ c: page }} />
    </Page>,
  );
  // Effects run from the inside out: the page that mounts later is the last.
  rerender(
    <Page bindings={{ c: shell }}>
      <Page key="later" bindings={{ c: page }} />
    </Page>,
  );
  fireEvent.keyDown(document.body, { key: "c" });
  expect(page).toHaveBeenCalledOnce();
  expect(shell).not.toHaveBeenCalled();
});

test("nothing happens while somebody types, holds ⌘, or has a dialog open", () => {
  const act = vi.fn();
  const { getByRole, rerender } = render(
    <Page bindings={{ c: act }}>
      <textarea />
    </Page>,
  );
  fireEvent.keyDown(getByRole("textbox"), { key: "c" });
  fireEvent.keyDown(document.body, { key: "c", metaKey: true });
  fireEvent.keyDown(document.body, { key: "c", ctrlKey: true });
  rerender(
    <Page bindings={{ c: act }}>
      <div role="dialog" aria-modal="true" />
    </Page>,
  );
  fireEvent.keyDown(document.body, { key: "c" });
  expect(act).not.toHaveBeenCalled();
  rerender(<Page bindings={{ c: act }} />);
  fireEvent.keyDown(document.body, { key: "c" });
  expect(act).toHaveBeenCalledOnce();
});
