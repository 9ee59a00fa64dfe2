// Text that is JSON, on lines of its own. Only white space changes: numbers too long for JavaScript stay as they are.

const INDENT = "  ";
const OPEN = /^[{[]/;
const CLOSE = /^[}\]]/;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Why a text is not JSON; null when it is. */
export function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether a token begins or ends lines of its own: empty brackets stay together. */
function turn(tokens: readonly string[], at: number): 1 | -1 | 0 {
  const [before = "", token = "", after = ""] = [tokens[at - 1], tokens[at], tokens[at + 1]];
  if (OPEN.test(token) && !CLOSE.test(after)) return 1;
  return CLOSE.test(token) && !OPEN.test(before) ? -1 : 0;
}

function laidOut(tokens: readonly string[]): string {
  let depth = 0;
  let out = "";
  for (const [at, token] of tokens.entries()) {
    const turns = turn(tokens, at);
    depth += turns;
    const line = `\n${INDENT.repeat(depth)}`;
    if (turns < 0) out += line;
    out += token === ":" ? ": " : token;
    if (turns > 0 || token === ",") out += line;
  }
  return out;
}

/** JSON with a line for each member; any other text as it is. */
export function indented(text: string): string {
  if (!/^\s*[{[]/.test(text) || jsonFault(text) !== null) return text;
  return laidOut(text.match(TOKEN) ?? []);
}
