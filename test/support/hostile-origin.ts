import { startGateway, type TestConfig, type TestGateway } from "./gateway.ts";
import { startRawOrigin, type OriginConnection, type RawOrigin, type RawRequest } from "./raw-origin.ts";

/** A gateway in front of an origin that answers /probe well and everything else as it is told. */
export interface Hostile extends AsyncDisposable {
  readonly origin: RawOrigin;
  readonly gateway: TestGateway;
}

export async function startHostile(
  answer: (connection: OriginConnection, request: RawRequest) => Promise<void>,
  config: TestConfig = {},
): Promise<Hostile> {
  const origin = await startRawOrigin(async (connection) => {
    for (let head = await connection.readRequest(); head; head = await connection.readRequest()) {
      if (head.target === "/probe") await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n/probe");
      else await answer(connection, head);
    }
    connection.end();
  });
  const gateway = await startGateway({
    target: origin.url,
    dependency: { timeout: "1s", bodyTimeout: "1s" },
    ...config,
  });
  return {
    origin,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
}
