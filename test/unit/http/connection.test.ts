import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Connection } from "../../../src/http/connection.ts";

const hop = { peer: "192.0.2.1", peerTrusted: false, scheme: "http", version: "1.1" } as const;
const connection = (socket = { writable: true, once() {} }): Connection =>
  new Connection(socket as unknown as Socket, hop, () => []);
const answer = {} as ServerResponse;
const asking = (method: string): IncomingMessage => ({ method }) as IncomingMessage;

/** As the edge does it: now, or once those before it have been answered. */
function begin(one: Connection, request: IncomingMessage, start: () => void): void {
  if (one.begin(request, answer)) start();
  else one.postpone(request, start);
}

suite("pipelined requests on a connection", () => {
  test("every order of begins and ends: unsafe ones run alone, all start once and in order, two at most", () => {
    const method = fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH");
    // A step begins the next request, or ends one of those that run.
    const steps = fc.array(fc.oneof(method, fc.nat(5)), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (script) => {
        const one = connection();
        const started: number[] = [];
        const running = new Map<number, IncomingMessage>();
        let begun = 0;
        const check = (): void => {
          const methods = Array.from(running.values(), (request) => request.method!);
          const unsafe = methods.filter((name) => !["GET", "HEAD", "OPTIONS"].includes(name));
          assert.ok(unsafe.length === 0 || methods.length === 1, `side by side: ${methods.join()}`);
          assert.ok(methods.length <= 2);
        };
        const endOne = (nth: number): void => {
          const ids = [...running.keys()];
          const id = ids[nth % ids.length];
          if (id === undefined) return;
          const request = running.get(id)!;
          running.delete(id);
          one.end(request, answer);
          check();
        };
        for (const step of script) {
          if (typeof step === "number") endOne(step);
          else {
            const id = begun++;
            const request = asking(step);
            begin(one, request, () => {
              started.push(id);
              running.set(id, request);
            });
            check();
          }
        }
        while (running.size > 0) endOne(0);
        assert.deepEqual(
          started,
          Array.from({ length: begun }, (_value, id) => id),
        );
        assert.equal(one.outstanding, 0);
      }),
      { numRuns: 500 },
    );
  });

  for (const [what, spoil] of [
    ["a poisoned connection", (one: Connection) => one.stop("refused")],
    ["a closing one", (one: Connection) => void Object.assign(one.socket, { writable: false })],
  ] as const) {
    test(`${what} begins nothing that waited`, () => {
      const one = connection();
      const first = asking("POST");
      begin(one, first, () => {});
      begin(one, asking("GET"), () => assert.fail("begun"));
      spoil(one);
      one.end(first, answer);
    });
  }

  test("a request that ends while it is being started lets the next one start", () => {
    const one = connection();
    const first = asking("POST");
    const started: string[] = [];
    begin(one, first, () => {});
    for (const name of ["PUT", "DELETE", "GET"]) {
      const request = asking(name);
      begin(one, request, () => {
        started.push(name);
        one.end(request, answer);
      });
    }
    one.end(first, answer);
    assert.deepEqual(started, ["PUT", "DELETE", "GET"]);
  });
});
