// The directions of the house: features do not see each other, what is shared does not see features, and only the
// theme names colours.
import { readdirSync, readFileSync } from "node:fs";
import { join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(process.cwd(), "src");
const SHARED = ["clock", "components", "format", "http", "keys", "live", "theme"];

const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((name) => /\.(tsx?|css)$/.test(name));
const sources = files.filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name));

const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");

/** Where the relative imports of a file lead, as paths below src. */
function importsOf(name: string, text = read(name)): string[] {
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)];
  return found.map(([, path]) => relative(ROOT, normalize(join(ROOT, name, "..", path ?? ""))));
}

/** Which import of a file goes where it must not. */
function wrongImports(name: string, text?: string): string[] {
  const [area = "", feature = ""] = name.split("/");
  return importsOf(name, text).filter((path) => {
    const [target = "", other = ""] = path.split("/");
    if (area === "features") return target === "app" || (target === "features" && other !== feature);
    return SHARED.includes(area) && (target === "features" || target === "app");
  });
}

describe("imports", () => {
  test.each(sources)("%s goes only where it may", (name) => {
    expect(wrongImports(name)).toEqual([]);
  });

  test("the check sees a feature that looks at another one", () => {
    const text = 'import { a } from "../../agent/api/agent";\nconst b = import("../../../app/pins");';
    expect(wrongImports("features/fleet/components/x.tsx", text)).toEqual(["features/agent/api/agent", "app/pins"]);
    expect(wrongImports("live/x.ts", 'import "../features/fleet/filter";')).toEqual(["features/fleet/filter"]);
  });
});

describe("colours", () => {
  const painted = files.filter((name) => !name.startsWith("theme/") && !name.includes(".test."));

  test("of states are read by the theme alone", () => {
    expect(painted.filter((name) => read(name).includes("--mu-state-"))).toEqual([]);
  });

  test("are named by the theme alone", () => {
    const literal = /#[0-9a-fA-F]{6}\b|rgb\(/;
    expect(painted.filter((name) => literal.test(read(name)))).toEqual(["features/commands/terminalTheme.ts"]);
  });
});

test("names say what is inside", () => {
  const empty = /^(utils?|helpers?|common|misc)\./;
  expect(files.filter((name) => empty.test(name.split("/").at(-1) ?? ""))).toEqual([]);
});
