import assert from "node:assert/strict";
import { printable } from "./byte-reader.ts";
import { startGateway, type TestConfig, type TestGateway } from "./gateway.ts";
import { connectRaw, type RawClient, type RawResponse } from "./raw-client.ts";
import { persists } from "./raw-message.ts";
import { startRawOrigin, type RawOrigin, type RawRequest } from "./raw-origin.ts";
import { deadline, until } from "./wait.ts";

/** A gateway in front of an origin that answers 200 with the target as its body, and remembers every whole request. */
export interface Scene extends AsyncDisposable {
  readonly origin: RawOrigin;
  readonly gateway: TestGateway;
  readonly port: number;
  /** Whole requests that reached the origin, in order of their end. */
  readonly seen: readonly RawRequest[];
  /** Forgets what the origin has seen. */
  forget(): void;
  /**
   * Sends the pieces on a fresh connection and expects one problem of this status, an end of the connection behind it,
   * no other answer, and nothing at all at the origin.
   */
  refuses(pieces: string | Buffer | readonly (string | Buffer)[], status: number, method?: string): Promise<void>;
  /**
   * Sends the pieces and a plain request behind them on one connection; expects an answer of this status to each, and
   * gives what the origin saw of the first.
   */
  forwards(pieces: string | Buffer | readonly (string | Buffer)[], method?: string): Promise<RawRequest>;
  /** One plain GET on a fresh connection: others are served. */
  stillServes(): Promise<void>;
}

export const PROBE = "GET /probe HTTP/1.1\r\nHost: a.example\r\n\r\n";

export async function startScene(config: TestConfig = {}): Promise<Scene> {
  const seen: RawRequest[] = [];
  const origin = await startRawOrigin(async (connection) => {
    for (;;) {
      const request = await connection.readRequest();
      if (!request) return connection.end();
      seen.push(request);
      const body = request.method === "HEAD" ? "" : request.target;
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${body}`);
      if (!persists(request.version, request.headers)) return connection.end();
    }
  });
  const gateway = await startGateway({ target: origin.url, ...config });
  const { port } = gateway;
  const list = (pieces: string | Buffer | readonly (string | Buffer)[]): readonly (string | Buffer)[] =>
    typeof pieces === "string" || Buffer.isBuffer(pieces) ? [pieces] : pieces;
  const octets = (): number => origin.received.reduce((sum, one) => sum + one.length, 0);
  const scene: Scene = {
    origin,
    gateway,
    port,
    seen,
    forget: () => void (seen.length = 0),
    async refuses(pieces, status, method = "GET") {
      const before = octets();
      using client = await connectRaw(port);
      await client.send(...list(pieces)).catch(() => {});
      const answer = await client.readResponse({ method });
      assert.equal(answer.status, status, printable(answer.raw));
      assertProblem(answer, status, method);
      assert.equal(answer.header("connection"), "close");
      await deadline(client.closed, 10_000, "the end of the connection");
      assert.equal(printable(client.rest()), '""', "another answer came");
      assert.equal(octets(), before, `the origin got ${printable(origin.received.at(-1) ?? "")}`);
    },
    async forwards(pieces, method = "GET") {
      const before = seen.length;
      using client = await connectRaw(port);
      await client.send(...list(pieces));
      const answer = await client.readResponse({ method });
      assert.equal(answer.status, 200, printable(answer.raw));
      await probe(client);
      const [first, second, ...more] = seen.slice(before);
      assert.deepEqual(
        more.map(({ target }) => target),
        [],
      );
      assert.equal(second?.target, "/probe");
      return first!;
    },
    async stillServes() {
      using client = await connectRaw(port);
      await probe(client);
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await origin.close();
    },
  };
  return scene;
}

/** Sends a plain GET and expects its own answer, whole. */
export async function probe(client: RawClient): Promise<void> {
  await client.send(PROBE);
  const answer = await client.readResponse();
  assert.equal(answer.status, 200, printable(answer.raw));
  assert.equal(answer.text(), "/probe");
}

/** Whether an answer is a problem document of the gateway itself. */
export function assertProblem(answer: RawResponse, status: number, method = "GET"): void {
  assert.equal(answer.status, status, printable(answer.raw));
  assert.equal(answer.header("content-type"), "application/problem+json", printable(answer.raw));
  if (method === "HEAD") return;
  const problem = answer.json() as { status: number; type: string };
  assert.equal(problem.status, status);
  assert.match(problem.type, /^urn:spillway:problem:[a-z-]+$/);
}

/** Values of a field, whatever its spelling. */
export const valuesOf = (headers: readonly string[], lower: string): string[] =>
  headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === lower);

/** Waits until what the gateway told about exchanges is as expected, so that late effects are seen. */
export async function untilEnded(scene: Scene, count: number): Promise<void> {
  await until(() => scene.gateway.ended.length >= count, { what: `${count} exchanges have ended` });
}
