import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HeaderList } from "../core/headers.ts";

/** Octets a client may send behind its handshake before the tunnel stands; then it is paused. */
const EARLY_AT_MOST = 64 * 1024;

/**
 * Reads on while the dependency is asked, so that a client who leaves is seen to leave. Returns a function that stops
 * that and gives what has come.
 */
export function holdEarly(client: Socket, first: Buffer): () => Buffer {
  const chunks = [first];
  let held = first.length;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    held += chunk.length;
    if (held > EARLY_AT_MOST) client.pause();
  };
  const onEnd = (): void => void client.destroy();
  client.on("data", onData);
  client.on("end", onEnd);
  return () => {
    client.off("data", onData);
    client.off("end", onEnd);
    return Buffer.concat(chunks);
  };
}

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
