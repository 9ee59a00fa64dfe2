import { expect, test } from "vitest";
import { beatPaths } from "./beatPaths";

test("a tick is as high as the load, and is seen without any", () => {
  expect(beatPaths([0, 50, 100, 400], 3, 12).held).toBe("M1 12v-2.0M4 12v-7.0M7 12v-12.0M10 12v-12.0");
});

test("a missed heartbeat is a gap that is counted", () => {
  expect(beatPaths([-1, 0, -1], 4, 10)).toEqual({ held: "M5 10v-2.0", missed: "M1 10v-1.5M9 10v-1.5", missedCount: 2 });
});
