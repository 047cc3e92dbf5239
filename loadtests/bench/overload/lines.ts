/** Keep-alive connections of one tenant: the warmest is used first, and as many are opened as are needed at once. */
import { type Socket, connect } from "node:net";
import { AnswerReader } from "../answer-reader.ts";

export interface Ask {
  readonly path: string;
  readonly fields: string;
  /** Set when its client has left. */
  readonly over: boolean;
  answered(status: number, head: string): void;
  broken(): void;
}

interface Line {
  readonly socket: Socket;
  asked: Ask | undefined;
  /** Answers that this connection has brought so far. */
  answers: number;
  /** Whether anything of the answer under way has been read. */
  begun: boolean;
}

export class Lines {
  readonly #port: number;
  readonly #localAddress: string;
  readonly #most: number;
  readonly #idle: Line[] = [];
  readonly #using = new Map<Ask, Line>();
  /** Those whose clients have left stay in it until it is their turn: looking for them would take longer than that. */
  #waiting: Ask[] = [];
  #next = 0;
  #open = 0;

  /** `localAddress`: who the tenant is to a gateway that tells clients apart by address. */
  constructor({ port, localAddress, most }: { port: number; localAddress: string; most: number }) {
    this.#port = port;
    this.#localAddress = localAddress;
    this.#most = most;
  }

  send(ask: Ask): void {
    const line = this.#idle.pop() ?? (this.#open < this.#most ? this.#connect() : undefined);
    if (line === undefined) this.#waiting.push(ask);
    else this.#ask(line, ask);
  }

  /** The client leaves: its connection is cut. */
  leave(ask: Ask): void {
    const line = this.#using.get(ask);
    if (line === undefined) return;
    this.#using.delete(ask);
    line.asked = undefined;
    line.socket.destroy();
  }

  /** Opens connections ahead, so that a measurement does not begin with their opening. */
  warm(count: number): void {
    for (let i = 0; i < count; i++) this.#idle.push(this.#connect());
  }

  close(): void {
    for (const { socket } of [...this.#idle, ...this.#using.values()]) socket.destroy();
  }

  /** Of those that wait for a connection. */
  #first(): Ask | undefined {
    for (; this.#next < this.#waiting.length; this.#next++) {
      const ask = this.#waiting[this.#next]!;
      if (ask.over) continue;
      this.#next++;
      return ask;
    }
    this.#waiting = [];
    this.#next = 0;
    return undefined;
  }

  #ask(line: Line, ask: Ask): void {
    line.asked = ask;
    line.begun = false;
    this.#using.set(ask, line);
    line.socket.write(`GET ${ask.path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n${ask.fields}\r\n`);
  }

  #connect(): Line {
    const socket = connect({ port: this.#port, host: "127.0.0.1", localAddress: this.#localAddress, noDelay: true });
    const line: Line = { socket, asked: undefined, answers: 0, begun: false };
    this.#open++;
    const reader = new AnswerReader((status, head) => this.#answered(line, status, head));
    socket.on("data", (read: Buffer) => {
      line.begun = true;
      reader.feed(read);
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#closed(line));
    return line;
  }

  #answered(line: Line, status: number, head: string): void {
    const { asked } = line;
    line.asked = undefined;
    line.answers++;
    if (asked === undefined) return;
    this.#using.delete(asked);
    if (/\r\nconnection: *close/i.test(head)) line.socket.destroy();
    else {
      const next = this.#first();
      if (next === undefined) this.#idle.push(line);
      else this.#ask(line, next);
    }
    asked.answered(status, head);
  }

  #closed(line: Line): void {
    this.#open--;
    const { asked } = line;
    if (asked === undefined) {
      const at = this.#idle.indexOf(line);
      if (at !== -1) this.#idle.splice(at, 1);
    } else {
      this.#using.delete(asked);
      // The other side closed what lay idle while we wrote to it: no answer was lost, and any client would ask again.
      if (line.answers > 0 && !line.begun) this.send(asked);
      else asked.broken();
    }
    const next = this.#open < this.#most ? this.#first() : undefined;
    if (next !== undefined) this.send(next);
  }
}
