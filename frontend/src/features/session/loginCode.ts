/** The one-time code in a login link's fragment; fragments are never sent to a server. */
export function codeIn(fragment: string): string | null {
  const code = new URLSearchParams(fragment.replace(/^#/, "")).get("code");
  return code ? code : null;
}
