const NUMBERS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];

/** A count at the beginning of a sentence: "Two", "No", "14". */
export function inWords(count: number): string {
  return NUMBERS[count] ?? String(count);
}

/** "1 agent", "38 agents" */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** "310 bytes", "41 KB", "1.2 MB" */
export function bytes(count: number): string {
  if (count < 1000) return counted(count, "byte");
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)} KB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** "agt_01J9ZK…84T": enough of an id to tell it from another; the whole is copied. */
export function shortId(id: string): string {
  return id.length > 16 ? `${id.slice(0, 10)}…${id.slice(-3)}` : id;
}

/** The letters in the round sign of a person: "AD" for "admin", "AL" for "Ada Lovelace". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const [first = "?", second] = words;
  const letters = second ? `${first[0]}${second[0]}` : first.slice(0, 2);
  return letters.toUpperCase();
}

/** The first line of a text that says something. */
export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0]?.trim() ?? "";
}
