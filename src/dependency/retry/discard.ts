import type { Body, Sink } from "../../core/body.ts";

/** Octets of an answer that are read so that its connection can be used again; a longer one costs the connection. */
const WORTH_READING = 16 * 1024;

const NOWHERE: Sink = { write: () => true, end: () => {}, fail: () => {} };

/**
 * Reads a short body to nowhere, in the time that is left until the returned function is called: what is not over by then
 * is given up, and its connection with it.
 */
export function discard(body: Body): () => void {
  if (body.takeWhole()) return () => {};
  const giveUp = (): void => body.cancel(new Error("another try is made in place of this answer"));
  if (body.length === undefined || body.length > WORTH_READING) giveUp();
  else body.pipe(NOWHERE);
  return giveUp;
}
