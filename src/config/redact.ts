/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/** Keys and header fields whose value is a secret whatever it looks like. */
export const isSecretName = (name: string): boolean =>
  /token|secret|passw|passphrase|credential|api-?key|authorization|cookie|signature/i.test(name);

/**
 * A plain-data copy with every secret replaced: values under secret names, and the user part and secret parameters of
 * URLs. What merely holds such a name as a list (`tokens`, `remove`) is walked, not dropped.
 */
export function redact(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => redact(item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, redact(part, key)]));
  }
  if (isSecretName(name) && value !== undefined && value !== null) return REDACTED;
  return typeof value === "string" ? redactUrl(value) : value;
}

/** Up to the last "@": a password may hold any character, and hiding too much of a URL harms nobody. */
function redactUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^]*@/i, `$1${REDACTED}@`)
    .replace(/([?&][^=&#]*(?:token|secret|passw|key|credential|signature)[^=&#]*=)[^&#]*/gi, `$1${REDACTED}`);
}
