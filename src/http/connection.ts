import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Head } from "./fields.ts";
import type { HeaderList } from "../core/headers.ts";
import type { Hop } from "./forwarding.ts";

/**
 * Pipelined requests that run at the same time. Each may hold 128 KiB of an answer that a slow reader, or an answer
 * before it, keeps back: together they stay within 256 KiB a connection.
 */
const SIDE_BY_SIDE = 2;

/** What is known of one HTTP/1.1 client connection while it lives. */
export class Connection {
  readonly socket: Socket;
  readonly hop: Hop;
  /** The forwarding fields of a request that came on this connection. */
  readonly forwarding: (head: Head, authority: string) => HeaderList;
  /** Requests that came and are not yet answered. */
  outstanding = 0;
  /** Set with the first request that could not be trusted to end where we think: nothing behind it is served. */
  poisoned = false;
  /** The answer under way for the oldest request; lets a parse error be answered if nothing was written yet. */
  current: ServerResponse | undefined;
  #unsafe = 0;
  #waiting: { safe: boolean; start: () => void }[] | undefined;

  constructor(socket: Socket, hop: Hop, forwarding: (head: Head, authority: string) => HeaderList) {
    this.socket = socket;
    this.hop = hop;
    this.forwarding = forwarding;
  }

  /**
   * Starts a request now, or once those before it have been answered: pipelined requests may run side by side only
   * while all of them are safe (RFC 9112 section 9.3.2), {@link SIDE_BY_SIDE} of them.
   */
  begin(request: IncomingMessage, start: () => void): void {
    const safe = isSafe(request.method);
    this.outstanding++;
    const alone = this.outstanding === 1;
    if (alone || (safe && this.#unsafe === 0 && !this.#waiting?.length && this.outstanding <= SIDE_BY_SIDE)) {
      if (!safe) this.#unsafe++;
      start();
    } else (this.#waiting ??= []).push({ safe, start });
  }

  /** One request is answered, or never will be. */
  end(request: IncomingMessage): void {
    this.outstanding--;
    if (!isSafe(request.method)) this.#unsafe--;
    const waiting = this.#waiting;
    // Behind a request that was turned away, or on a connection that is closing, nothing is begun: its answer could not go out.
    if (!waiting?.length || this.poisoned || !this.socket.writable) return;
    let running = this.outstanding - waiting.length;
    while (waiting.length > 0 && this.#mayRun(waiting[0]!.safe, running)) {
      const next = waiting.shift()!;
      if (!next.safe) this.#unsafe++;
      running++;
      next.start();
    }
  }

  #mayRun(safe: boolean, running: number): boolean {
    return running === 0 || (safe && this.#unsafe === 0 && running < SIDE_BY_SIDE);
  }
}

const isSafe = (method: string | undefined): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS";
