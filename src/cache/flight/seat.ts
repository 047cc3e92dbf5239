import { StreamedBody, type Body, type BodySource } from "../../core/body.ts";

/** A flight, as those on board see it. */
export interface Shared {
  /** Trailers of the whole body, or why it broke off; undefined while more is to come. */
  ending(): readonly string[] | Error | undefined;
  /** Chunk number `at`, counted from the first octet; undefined when it has not come. */
  chunk(at: number): Buffer | undefined;
  /** The dependency's own body, for the one seat of an answer that is not shared. */
  direct(): Body | undefined;
  /** A seat has read on. */
  moved(): void;
  leave(seat: Seat): void;
}

/** One request's place in a flight: it waits, then reads or leaves. */
export class Seat implements BodySource {
  /** Whether the load runs in this request's name. */
  readonly leads: boolean;
  /** Number of the next chunk to read. */
  at = 0;
  readonly #flight: Shared;
  #body: StreamedBody | undefined;
  #paused = false;

  constructor(flight: Shared, leads: boolean) {
    this.#flight = flight;
    this.leads = leads;
  }

  /** The body for this request, from the first octet on. Once, after the landing. */
  take(length: number | undefined): Body {
    const direct = this.#flight.direct();
    if (direct) {
      direct.whenDone(() => this.leave());
      return direct;
    }
    const body = (this.#body = new StreamedBody(this, length));
    this.feed();
    return body;
  }

  /** This request waits no more, or has no use for the answer. Calling it again does nothing. */
  leave(): void {
    this.#flight.leave(this);
  }

  /** The flight's side: there may be more to read. */
  feed(): void {
    const body = this.#body;
    if (!body) return;
    while (!this.#paused) {
      const chunk = this.#flight.chunk(this.at);
      if (!chunk) return this.#feedEnd(body);
      this.at++;
      body.push(chunk);
    }
  }

  #feedEnd(body: StreamedBody): void {
    const end = this.#flight.ending();
    if (end === undefined) return;
    this.#body = undefined;
    this.leave();
    if (end instanceof Error) body.fail(end);
    else body.finish(end);
  }

  // the body's side

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.feed();
    this.#flight.moved();
  }

  cancel(): void {
    this.#body = undefined;
    this.leave();
  }
}
