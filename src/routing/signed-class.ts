/** A class that an internal caller asks for, signed with a secret that it shares with the gateway. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { PriorityClass } from "../core/exchange.ts";

/** The field, in lower case. It goes no further. */
export const SIGNED_CLASS = "spillway-class";

/** Seconds that a signature may still have: within them the same request may come again. */
const LONGEST = 300;

const FORM = /^(system|critical|default|sheddable|bulk);exp=(\d{1,12});sig=([A-Za-z0-9_-]{43})$/;

/** What a signature is about: `target` is path and query as they are sent. */
export interface SignedRequest {
  readonly method: string;
  readonly target: string;
}

const digest = (secret: string, cls: string, expires: string, { method, target }: SignedRequest): Buffer =>
  createHmac("sha256", secret).update(`spillway-class\n${cls}\n${expires}\n${method}\n${target}`).digest();

/**
 * The class in `CLASS;exp=SECONDS;sig=SIGNATURE`: until when it counts, since 1970, and the HMAC-SHA-256 in base64url over
 * `spillway-class`, class, seconds, method and target, a line feed between each. Undefined where one of the secrets has not
 * signed exactly this, where the time is over, or is more than five minutes off.
 */
export function readSignedClass(
  value: string,
  request: SignedRequest,
  secrets: readonly string[],
  wall: number,
): PriorityClass | undefined {
  const found = FORM.exec(value);
  if (!found) return undefined;
  const [, cls, expires, signature] = found as unknown as [string, PriorityClass, string, string];
  const left = Number(expires) - wall / 1000;
  if (left <= 0 || left > LONGEST) return undefined;
  const given = Buffer.from(signature, "base64url");
  let signed = false;
  for (const secret of secrets) {
    const expected = digest(secret, cls, expires, request);
    signed = (given.length === expected.length && timingSafeEqual(given, expected)) || signed;
  }
  return signed ? cls : undefined;
}
