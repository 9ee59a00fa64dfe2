import { useEffect, useState } from "react";
import type { ThemedToken } from "shiki/core";
import { highlight } from "./highlighter";

/** Longer code is shown in one colour: it is read as data, and colouring it would hold up the page. */
const MOST_CHARACTERS = 40_000;

interface Coloured {
  code: string;
  lines: ThemedToken[][];
}

function useColoured(code: string, language: string): ThemedToken[][] | null {
  const [coloured, setColoured] = useState<Coloured | null>(null);
  useEffect(() => {
    if (!language || code.length > MOST_CHARACTERS) return;
    let wanted = true;
    // A language that cannot be fetched leaves the code as it is.
    highlight(code, language).then(
      (lines) => {
        if (wanted && lines) setColoured({ code, lines });
      },
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [code, language]);
  // While code is being written, its beginning keeps its colours until the next ones are there.
  return coloured && code.startsWith(coloured.code) ? coloured.lines : null;
}

/** The inside of a `pre`: coloured as soon as the colours are there. */
export function HighlightedCode({ code, language }: { code: string; language: string }) {
  const lines = useColoured(code, language);
  if (!lines) return <code>{code}</code>;
  const shown = lines.map((line) => line.reduce((sum, token) => sum + token.content.length, 0) + 1);
  const length = shown.reduce((sum, size) => sum + size, -1);
  return (
    <code>
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of code have no other name than their number
        <span key={row}>
          {line.map((token) => (
            <span key={token.offset} style={{ color: token.color }}>
              {token.content}
            </span>
          ))}
          {row < lines.length - 1 && "\n"}
        </span>
      ))}
      {code.slice(length)}
    </code>
  );
}
