/** What stands in place of a secret. */
export const REDACTED = "[redacted]";

/** Whether what stands under such a key, or in such a header field, is a secret whatever it looks like. */
export const isSecretName = (name: string): boolean =>
  /token|secret|passw|passphrase|credential|authorization|cookie|signature|api[-_]?key|private[-_]?key|^salt$/i.test(
    name,
  );

/** Credentials that text made by others may hold: `scheme://user:password@host`, `Bearer x`, `password=x`. */
const secretText: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@"']{1,512}@/gi, `$1${REDACTED}@`],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [
    /(password|passwd|pwd|token|secret|signature|api[-_]?key)(\s{0,4}[=:]\s{0,4})[^\s&,;"'#]{1,512}/gi,
    `$1$2${REDACTED}`,
  ],
];

/** Free text without the credentials that can be told by their form. Not for text that is known to be a secret. */
export function redactText(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of secretText) clean = clean.replace(pattern, replacement);
  return clean;
}

/**
 * A copy of plain data without values whose key names a secret, nor credentials inside other texts. What merely holds
 * such a name as a map or a list of maps (`tokens`) is walked, not dropped.
 */
export function redactData(value: unknown, key = ""): unknown {
  if (value === null || value === undefined) return value;
  if (Array.isArray(value)) return value.map((member) => redactData(member, key));
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redactData(inner, name)]));
  }
  if (isSecretName(key)) return REDACTED;
  return typeof value === "string" ? redactValue(value) : value;
}

/** As {@link redactText}, of a text that is one value: of a URL with a password that should have been encoded, too. */
export const redactValue = (text: string): string => redactText(redactUrl(text));

/** Up to the last "@": a password may hold any character, and hiding too much of a URL harms nobody. */
const redactUrl = (text: string): string => text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^]*@/i, `$1${REDACTED}@`);
