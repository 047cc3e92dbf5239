import { createServer, type AddressInfo, type ListenOptions, type Server } from "node:net";
import { UsageError } from "../core/errors.ts";
import type { PortSharing } from "./messages.ts";

/** A port that workers can share. */
export interface SharedPort {
  readonly port: number;
  readonly sharing: PortSharing;
  /** Call it when the first worker listens: until then a port that the system chose is kept from others. */
  release(): Promise<void>;
}

/**
 * Finds out which port the workers are to share, and how. A given port is tried alone first: with SO_REUSEPORT a second
 * gateway on it would be let in, and would take a share of the first one's connections. Throws {@link UsageError}.
 */
export async function settlePort({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): Promise<SharedPort> {
  const unshared = { host, port, exclusive: true };
  if (port !== 0) {
    const probe = await listen(unshared).catch((error: NodeJS.ErrnoException) => {
      throw cannotListen(host, port, error);
    });
    await close(probe);
  }
  try {
    const probe = await listen({ ...unshared, reusePort: true });
    const settled = portOf(probe);
    if (port !== 0) await close(probe);
    return { port: settled, sharing: "reuse-port", release: () => close(probe) };
  } catch {
    const probe = await listen(unshared).catch((error: NodeJS.ErrnoException) => {
      throw cannotListen(host, port, error);
    });
    const settled = portOf(probe);
    await close(probe);
    return { port: settled, sharing: "handle", release: async () => {} };
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Nobody has been told of the port: what connects to it before the workers do is a scan, and is cut. */
function listen(options: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(options, () => resolve(server));
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): UsageError {
  if (error.code === "EADDRINUSE")
    return new UsageError(`listen.port: ${host}:${port} is taken; choose another port or stop what holds it`);
  if (error.code === "EACCES")
    return new UsageError(`listen.port: no right to listen on ${host}:${port}; choose a port above 1023`);
  return new UsageError(`listen: cannot listen on ${host}:${port}: ${error.message}`);
}
