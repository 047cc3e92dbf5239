import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { clientKey } from "../core/address.ts";
import type { Head } from "./fields.ts";
import type { HeaderList } from "../core/headers.ts";
import type { Hop } from "./forwarding.ts";

/**
 * Pipelined requests that run at the same time. Each may hold 128 KiB of an answer that a slow reader, or an answer
 * before it, keeps back: together they stay within 256 KiB a connection.
 */
const SIDE_BY_SIDE = 2;

/**
 * Why nothing more is served on a connection: a request was `refused` that may not end where we think, octets were
 * `unreadable`, or the answer under way is the `last`.
 */
type Poison = "refused" | "unreadable" | "last";

/** What is known of one HTTP/1.1 client connection while it lives. */
export class Connection {
  readonly socket: Socket;
  readonly hop: Hop;
  /** The forwarding fields of a request that came on this connection. */
  readonly forwarding: (head: Head, authority: string) => HeaderList;
  /** Requests that came and are not yet answered. */
  outstanding = 0;
  /** The answer of the request that was started last; lets a parse error be answered if nothing was written yet. */
  current: ServerResponse | undefined;
  /** Set once: nothing that arrives from then on is served. */
  poison: Poison | undefined;
  #ignored = 0;
  #latest: IncomingMessage | undefined;
  #unsafe = 0;
  #waiting: { safe: boolean; start: () => void }[] | undefined;
  #pipelined: Set<ServerResponse> | undefined;
  #idle: (() => void) | undefined;
  #hostField: string | undefined;
  #peerKey: string | undefined;
  #authority = "";

  constructor(socket: Socket, hop: Hop, forwarding: (head: Head, authority: string) => HeaderList) {
    this.socket = socket;
    this.hop = hop;
    this.forwarding = forwarding;
  }

  /** What the peer is counted by where it is the client itself. */
  get peerKey(): string {
    return (this.#peerKey ??= clientKey(this.hop.peer));
  }

  /** Whether octets that come now would begin a new request, as far as is known. */
  get betweenRequests(): boolean {
    return this.#latest === undefined || this.#latest.complete;
  }

  /** Serves nothing more. What arrived before is still answered, unless a request before it was refused. */
  stop(why: Poison): void {
    this.poison ??= why;
    if (why === "refused") this.#waiting = undefined;
  }

  /** A request that came behind poison: never served, and a connection with more than `most` of them is cut. */
  ignore(most: number): void {
    if (++this.#ignored > most) this.socket.destroy();
  }

  /** Calls back once, when every request that came has been answered: at once if that is so. */
  whenIdle(callback: () => void): void {
    if (this.outstanding === 0) callback();
    else this.#idle = callback;
  }

  /**
   * Takes note of a request: `true` lets it start now; else it must be handed to {@link postpone}. Pipelined requests
   * may run side by side only while all of them are safe (RFC 9112 section 9.3.2), {@link SIDE_BY_SIDE} of them.
   */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    this.#latest = request;
    const alone = ++this.outstanding === 1;
    if (!alone) this.#remember(response);
    const safe = isSafe(request.method);
    const beside = safe && this.#unsafe === 0 && !this.#waiting?.length && this.outstanding <= SIDE_BY_SIDE;
    if (!alone && !beside) return false;
    if (!safe) this.#unsafe++;
    return true;
  }

  /** Starts a request once those before it have been answered. */
  postpone(request: IncomingMessage, start: () => void): void {
    (this.#waiting ??= []).push({ safe: isSafe(request.method), start });
  }

  /** The authority that a Host field stood for when it was last read on this connection. */
  authorityOf(hostField: string): string | undefined {
    return hostField === this.#hostField ? this.#authority : undefined;
  }

  rememberHost(hostField: string, authority: string): void {
    this.#hostField = hostField;
    this.#authority = authority;
  }

  /** One request is answered, or never will be. */
  end(request: IncomingMessage, response: ServerResponse): void {
    this.outstanding--;
    this.#pipelined?.delete(response);
    if (!isSafe(request.method)) this.#unsafe--;
    // A socket that takes no more has given its last answer: what still waits would be done without a word.
    if (!this.socket.writable) return;
    if (this.outstanding === 0) this.#idle?.();
    const waiting = this.#waiting;
    if (!waiting?.length) return;
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

  /** Node tells the answer that is being written, and no other, that its connection is gone. */
  #remember(response: ServerResponse): void {
    if (!this.#pipelined) {
      this.#pipelined = new Set();
      this.socket.once("close", () => {
        for (const left of this.#pipelined ?? []) {
          if (left.socket) continue;
          left.destroy();
          // Not every version of Node tells this of an answer that never had the socket.
          process.nextTick(() => left.closed || left.emit("close"));
        }
      });
    }
    this.#pipelined.add(response);
  }
}

const isSafe = (method: string | undefined): boolean => method === "GET" || method === "HEAD" || method === "OPTIONS";
