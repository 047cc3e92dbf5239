/** One request on a connection of its own, with the times that matter to who waits. */
import { request } from "node:http";

export interface Got {
  /** 0: the connection ended or the time was up before a whole answer. */
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** Milliseconds to the first octet of the body, and to the last. */
  readonly first: number;
  readonly total: number;
}

export interface Ask {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which the client leaves. Default: 20,000. */
  readonly leaveAfter?: number;
}

export function ask({ port, path, headers = {}, leaveAfter = 20_000 }: Ask): Promise<Got> {
  const startedAt = performance.now();
  const since = (): number => performance.now() - startedAt;
  return new Promise((resolve) => {
    let first = Number.NaN;
    const nothing = (): void => resolve({ status: 0, body: "", headers: {}, first, total: since() });
    const asked = request({ host: "127.0.0.1", port, path, headers, agent: false }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => {
        if (Number.isNaN(first)) first = since();
        body += chunk.toString("latin1");
      });
      answer.on("error", nothing);
      answer.on("end", () => {
        const { statusCode = 0, headers: fields, complete } = answer;
        resolve({ status: complete ? statusCode : 0, body, headers: fields, first, total: since() });
      });
    });
    asked.on("error", nothing);
    const timer = setTimeout(() => asked.destroy(), leaveAfter);
    asked.on("close", () => clearTimeout(timer));
    asked.end();
  });
}

export const crowd = (count: number, one: (index: number) => Ask): Promise<Got[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => ask(one(index))));
