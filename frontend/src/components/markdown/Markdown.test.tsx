import { MantineProvider } from "@mantine/core";
import { cleanup, render } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";
import { cssVariables } from "../../theme/variables";
import { Markdown } from "./Markdown";
import { safeUrl } from "./safeUrl";

afterEach(cleanup);

function shown(text: string, isWriting = false): HTMLElement {
  const { container } = render(
    <MantineProvider cssVariablesResolver={cssVariables}>
      <Markdown text={text} isWriting={isWriting} />
    </MantineProvider>,
  );
  const prose = container.querySelector("[class*=prose]");
  if (!(prose instanceof HTMLElement)) throw new Error("nothing was rendered");
  return prose;
}

const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '<a href="javascript:alert(1)">x</a>',
  "<iframe src=https://example.org></iframe>",
  "<svg onload=alert(1)>",
  "<style>*{display:none}</style>",
  "<form action=https://example.org><input name=password></form>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\nscript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:alert)",
  "[x](file:///etc/passwd)",
  "[x](//example.org/no-scheme)",
  "[x](/api/v1/session)",
  "![x](https://example.org/track.png)",
  "![x](javascript:alert(1))",
  "![x](data:image/svg+xml;base64,PHN2Zz4=)",
  "<https://example.org>\n\n<javascript:alert(1)>",
  "[x]: javascript:alert(1)\n\n[x]",
  "```html\n<script>alert(1)</script>\n```",
  "`<script>alert(1)</script>`",
  "| <script>alert(1)</script> |\n| --- |\n| <img src=x onerror=alert(1)> |",
  "- [ ] <button onclick=alert(1)>x</button>",
  'x[^1]\n\n[^1]: <script>alert(1)</script> [y](javascript:alert(1) "t")',
];

describe("hostile text", () => {
  test.each(HOSTILE.flatMap((text) => [[text, false] as const, [text, true] as const]))(
    "is inert: %j, writing %s",
    (text, isWriting) => {
      const prose = shown(text, isWriting);
      expect(prose.querySelectorAll("script, img, iframe, style, form, object, embed, button[onclick]")).toHaveLength(
        0,
      );
      expect(prose.querySelectorAll("svg[onload], [onerror], [onclick], [onload]")).toHaveLength(0);
      for (const link of prose.querySelectorAll("a")) {
        expect(link.getAttribute("href")).toMatch(/^(https?:|mailto:|#)/);
      }
      for (const field of prose.querySelectorAll("input")) expect(field.disabled).toBe(true);
    },
  );

  test("is read as the text that it is", () => {
    expect(shown("<script>alert(1)</script>").textContent).toContain("<script>alert(1)</script>");
    expect(shown("<b>not bold</b> **bold**").querySelectorAll("b, strong")).toHaveLength(1);
  });
});

describe("links", () => {
  test("open elsewhere and tell nobody where from", () => {
    const link = shown("[a note](https://example.org/note)").querySelector("a");
    expect(link?.href).toBe("https://example.org/note");
    expect(link?.rel).toBe("noopener noreferrer");
    expect(link?.target).toBe("_blank");
  });

  test("a picture is a link to it, never fetched", () => {
    const prose = shown("![a chart](https://example.org/chart.png)");
    expect(prose.textContent).toContain("picture: a chart");
    expect(prose.querySelector("a")?.href).toBe("https://example.org/chart.png");
  });

  test.each([
    ["https://example.org/", "https://example.org/"],
    ["mailto:a@example.org", "mailto:a@example.org"],
    ["javascript:alert(1)", ""],
    [" javascript:alert(1)", ""],
    ["\u0001javascript:alert(1)", ""],
    ["data:text/html,x", ""],
    ["/relative", ""],
    ["", ""],
  ])("the address %j becomes %j", (url, safe) => {
    expect(safeUrl(url)).toBe(safe);
  });
});

describe("text that is being written", () => {
  test("has its open marks closed for now", () => {
    expect(shown("a **bold begin", true).querySelector("strong")?.textContent).toBe("bold begin");
    expect(shown("a **bold begin").querySelector("strong")).toBeNull();
  });

  test("keeps the code that is open as code", () => {
    expect(shown("```python\ndef a", true).querySelector("pre")?.textContent).toBe("def a");
  });
});
