import { expect, test } from "vitest";
import type { Wire } from "./live/wire.gen";

test("the generated types describe the frames", () => {
  const ping: Wire["client"] = { op: "ping", ref: "1" };
  expect(ping.op).toBe("ping");
});
