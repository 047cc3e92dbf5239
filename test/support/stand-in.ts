import { connect, createServer, type Socket } from "node:net";
import { listen, stopListening } from "./raw-origin.ts";

/** In front of a server, and when told so in its place. */
export interface StandIn extends AsyncDisposable {
  readonly port: number;
  /**
   * Whatever comes on open connections and new ones is answered with these octets, or with what the function makes of it;
   * undefined: by the server again. Octets are sent at once, too, unasked.
   */
  answer(octets: Buffer | ((chunk: Buffer) => Buffer) | undefined): void;
}

/** Stands before 127.0.0.1:`targetPort`. Open connections are cut when the server is to answer again. */
export async function startStandIn(targetPort: number): Promise<StandIn> {
  const clients = new Set<Socket>();
  let octets: Buffer | ((chunk: Buffer) => Buffer) | undefined;
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client);
    const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const over = (): void => {
      clients.delete(client);
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("error", over).on("close", over);
    client.on("data", (chunk: Buffer) => {
      if (octets) client.write(typeof octets === "function" ? octets(chunk) : octets);
      else target.write(chunk);
    });
    target.on("data", (chunk) => octets ?? client.write(chunk));
  });
  const port = await listen(server, 0);
  return {
    port,
    answer(next) {
      octets = next;
      for (const client of clients) {
        if (typeof next === "object") client.write(next);
        else if (!next) client.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await stopListening(server);
    },
  };
}

/** An ErrorResponse of PostgreSQL's protocol. */
export function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
