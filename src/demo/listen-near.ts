import type { AddressInfo, Server } from "node:net";
import { UsageError } from "../core/errors.ts";

const HIGHEST_PORT = 65_535;

/**
 * Listens on `port` or, when it is taken, on one of the next, `tries` ports in all; resolves to the port taken.
 * Port 0 lets the system choose. Any other error than a taken port rejects at once.
 */
export async function listenNear(server: Server, host: string, port: number, tries: number): Promise<number> {
  const last = port === 0 ? 0 : Math.min(port + tries - 1, HIGHEST_PORT);
  for (let candidate = port; candidate <= last; candidate++) {
    if ((await tryPort(server, host, candidate)) === "listening") return (server.address() as AddressInfo).port;
  }
  const ports = last > port ? `the ports ${port} to ${last}` : `the port ${port}`;
  throw new UsageError(
    `${ports} of ${host} ${last > port ? "are" : "is"} taken: stop what listens there or name another`,
  );
}

function tryPort(server: Server, host: string, port: number): Promise<"listening" | "taken"> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      server.off("listening", onListening);
      server.off("error", onError);
    };
    const onListening = (): void => {
      settle();
      resolve("listening");
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      settle();
      if (error.code === "EADDRINUSE") resolve("taken");
      else reject(error);
    };
    server.on("listening", onListening);
    server.on("error", onError);
    server.listen({ port, host });
  });
}
