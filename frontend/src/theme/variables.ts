import type { CSSVariablesResolver } from "@mantine/core";
import { type Scheme, tokens } from "./tokens";

// Shiki writes these names into the spans of highlighted code; so one theme serves both schemes.
const CODE = {
  "--mu-shiki-foreground": "var(--mu-t1)",
  "--mu-shiki-background": "transparent",
  "--mu-shiki-token-keyword": "var(--mu-code-keyword)",
  "--mu-shiki-token-string": "var(--mu-code-string)",
  "--mu-shiki-token-string-expression": "var(--mu-code-string)",
  "--mu-shiki-token-constant": "var(--mu-code-number)",
  "--mu-shiki-token-parameter": "var(--mu-t1)",
  "--mu-shiki-token-function": "var(--mu-code-name)",
  "--mu-shiki-token-link": "var(--mu-code-name)",
  "--mu-shiki-token-comment": "var(--mu-t3)",
  "--mu-shiki-token-punctuation": "var(--mu-t1)",
  "--mu-shiki-token-inserted": "var(--mu-add)",
  "--mu-shiki-token-deleted": "var(--mu-del)",
  "--mu-shiki-token-changed": "var(--mu-code-number)",
};

const MANTINE = {
  "--mantine-color-body": "var(--mu-bg)",
  "--mantine-color-text": "var(--mu-t1)",
  "--mantine-color-bright": "var(--mu-t1)",
  "--mantine-color-dimmed": "var(--mu-t2)",
  "--mantine-color-default": "var(--mu-bg)",
  "--mantine-color-default-color": "var(--mu-t1)",
  "--mantine-color-default-border": "var(--mu-line2)",
  "--mantine-color-default-hover": "var(--mu-bg2)",
  "--mantine-color-placeholder": "var(--mu-t3)",
  "--mantine-color-error": "var(--mu-state-failed)",
};

function variablesOf(scheme: Scheme): Record<string, string> {
  const own = Object.entries(tokens[scheme]).map(([name, value]) => [`--mu-${name}`, value]);
  return { ...Object.fromEntries(own), ...MANTINE };
}

export const cssVariables: CSSVariablesResolver = () => ({
  variables: CODE,
  dark: variablesOf("dark"),
  light: variablesOf("light"),
});
