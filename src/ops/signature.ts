/** Signatures of webhooks: who has the secret has written exactly this, a short while ago. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Seconds that a signature may be old, or ahead of our clock. */
const TOLERANCE = 300;

const FORM = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

/** Hexadecimal HMAC-SHA-256 over the time in Unix seconds, a dot and the body. */
export const signatureOf = (secret: string, seconds: number, body: Buffer): string =>
  createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex");

/** Whether `t=SECONDS,v1=HEX` is the signature of a body; `wall` in milliseconds since 1970. */
export function isSigned(field: string | undefined, secret: string, body: Buffer, wall: number): boolean {
  const found = FORM.exec(field ?? "");
  const seconds = Number(found?.[1] ?? 0);
  const expected = Buffer.from(signatureOf(secret, seconds, body), "hex");
  const given = found ? Buffer.from(found[2]!, "hex") : Buffer.alloc(expected.length);
  return timingSafeEqual(expected, given) && found !== null && Math.abs(wall / 1000 - seconds) <= TOLERANCE;
}
