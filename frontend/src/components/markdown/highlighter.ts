// Code in four colours. The highlighter and each language are fetched when the first code of that kind is shown; the
// expressions run in JavaScript's own engine, so no WebAssembly is needed.
import type { HighlighterCore, LanguageRegistration, ThemedToken } from "shiki/core";

type Language = () => Promise<{ default: LanguageRegistration[] }>;

const LANGUAGES: Record<string, Language> = {
  bash: () => import("shiki/langs/bash.mjs"),
  c: () => import("shiki/langs/c.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
  docker: () => import("shiki/langs/docker.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  html: () => import("shiki/langs/html.mjs"),
  ini: () => import("shiki/langs/ini.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  javascript: () => import("shiki/langs/javascript.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  jsx: () => import("shiki/langs/jsx.mjs"),
  make: () => import("shiki/langs/make.mjs"),
  markdown: () => import("shiki/langs/markdown.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  typescript: () => import("shiki/langs/typescript.mjs"),
  xml: () => import("shiki/langs/xml.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
};

const ALIASES: Record<string, string> = {
  "c++": "c",
  console: "bash",
  cpp: "c",
  dockerfile: "docker",
  golang: "go",
  js: "javascript",
  makefile: "make",
  md: "markdown",
  patch: "diff",
  py: "python",
  rs: "rust",
  sh: "bash",
  shell: "bash",
  ts: "typescript",
  yml: "yaml",
  zsh: "bash",
};

const THEME = "muster";

let started: Promise<HighlighterCore> | undefined;

async function start(): Promise<HighlighterCore> {
  const [{ createCssVariablesTheme, createHighlighterCore }, { createJavaScriptRegexEngine }] = await Promise.all([
    import("shiki/core"),
    import("shiki/engine/javascript"),
  ]);
  const theme = createCssVariablesTheme({ name: THEME, variablePrefix: "--mu-shiki-", fontStyle: true });
  return createHighlighterCore({
    themes: [theme],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
}

/** The name under which a language is known here; null if it is not. */
export function knownLanguage(name: string): string | null {
  const lower = name.toLowerCase();
  const language = ALIASES[lower] ?? lower;
  return language in LANGUAGES ? language : null;
}

/** The lines of `code` as coloured pieces; null if the language is not known. */
export async function highlight(code: string, name: string): Promise<ThemedToken[][] | null> {
  const language = knownLanguage(name);
  const load = language ? LANGUAGES[language] : undefined;
  if (!language || !load) return null;
  started ??= start();
  const highlighter = await started;
  if (!highlighter.getLoadedLanguages().includes(language)) await highlighter.loadLanguage((await load()).default);
  return highlighter.codeToTokensBase(code, { lang: language, theme: THEME });
}
