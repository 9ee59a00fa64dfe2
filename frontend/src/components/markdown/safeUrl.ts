/** The only schemes that a link in an agent's text may have. */
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** `url` if it is an absolute link with a harmless scheme, otherwise nothing: the text stays, the link does not. */
export function safeUrl(url: string): string {
  try {
    const parsed = new URL(url);
    return SCHEMES.has(parsed.protocol) ? parsed.href : "";
  } catch {
    return "";
  }
}
