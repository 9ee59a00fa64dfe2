/** A random key for one action of a person: repeated with the action, so that the server does it once. */
export function newKey(): string {
  // Not crypto.randomUUID: browsers hide it on plain http, where a console in a private network may be.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
