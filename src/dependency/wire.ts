import type { Socket } from "node:net";
import { codeOf } from "./faults.ts";

/** The socket under an undici client, and what undici does not tell of it: whether more came on it than the answer. */
export class Wire {
  #socket: Socket | undefined;
  #surplus = false;

  /** A client has a fresh socket. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#surplus = false;
    const unshift = socket.unshift.bind(socket);
    // Behind an answer that ends its connection undici destroys the socket and puts back what it has not read.
    socket.unshift = (chunk: Buffer, encoding) => {
      if (socket.destroyed && chunk.length > 0) this.#surplus = true;
      unshift(chunk, encoding);
    };
  }

  /** Where the socket goes; undefined when there is none, or it is gone. */
  get address(): string | undefined {
    return this.#socket?.destroyed === false ? this.#socket.remoteAddress : undefined;
  }

  /**
   * Whether the answer that was read last is not all there was, or not whole: octets followed it in the same read
   * (RFC 9112 section 6.3), or an error ended the connection that was to end the answer. Holds from the end of
   * undici's turn until the client has another socket.
   */
  get spoilt(): boolean {
    const error = this.#socket?.errored;
    // Of that kind is how undici ends a connection in good order.
    return this.#surplus || (error != null && codeOf(error) !== "UND_ERR_INFO");
  }
}
