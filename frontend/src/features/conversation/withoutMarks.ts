/** A line of markdown as plain words, for a place that shows one line. */
export function withoutMarks(text: string): string {
  return text
    .replace(/^[#>\s]+/, "")
    .replaceAll("**", "")
    .replaceAll("`", "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}
