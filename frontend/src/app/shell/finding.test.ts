import { expect, test } from "vitest";
import { type Found, find } from "./finding";

const ENTRIES: Found[] = [
  { id: "/fleet", group: "Pages", label: "Fleet" },
  { id: "push", group: "Do", label: "Push a command" },
  { id: "a", group: "Agents", label: "research-1", words: "skill=fetch env=prod" },
  { id: "b", group: "Agents", label: "pre-search", description: "busy, fra-1" },
  { id: "c", group: "Agents", label: "searcher" },
  { id: "d", group: "Conversations", label: "Why is the search slow?" },
];

const ids = (query: string) => find(ENTRIES, query).map(({ id }) => id);

test("the best answers of each group come first, groups keep their order", () => {
  expect(ids("search")).toEqual(["c", "b", "a", "d"]);
  expect(ids("FLEET")).toEqual(["/fleet"]);
  expect(ids("env=prod")).toEqual(["a"]);
  expect(ids("nothing")).toEqual([]);
});

test("nothing asked lists all groups, but not all of a large one", () => {
  const many = Array.from(
    { length: 50 },
    (_, index): Found => ({ id: `x${index}`, group: "Agents", label: `x${index}` }),
  );
  const found = find([...ENTRIES, ...many], "");
  expect(new Set(found.map(({ group }) => group))).toEqual(new Set(["Pages", "Do", "Agents", "Conversations"]));
  expect(found.filter(({ group }) => group === "Agents")).toHaveLength(7);
});
