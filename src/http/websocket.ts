import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HeaderList } from "../core/headers.ts";

/**
 * Answers 101 on the client's socket and joins it with the dependency's. `early` are octets the client sent behind
 * its handshake. Either end closing ends both; `over` is called once, when the client's side is closed.
 */
export function joinTunnel(
  client: Socket,
  early: Buffer,
  dependency: Duplex,
  headers: HeaderList,
  over: () => void,
): void {
  let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  client.setTimeout(0);
  client.write(`${head}\r\n`, "latin1");
  if (early.length > 0) dependency.write(early);
  client.pipe(dependency);
  dependency.pipe(client);
  // No half-open tunnels: a WebSocket is over for both once one of them has ended its side.
  client.on("end", () => dependency.end(() => dependency.destroy()));
  dependency.on("end", () => client.destroySoon());
  dependency.on("error", () => client.destroy());
  dependency.on("close", () => client.destroySoon());
  client.on("close", () => {
    dependency.destroy();
    over();
  });
}
