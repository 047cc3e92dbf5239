import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { lingerThenEnd } from "../../../src/http/linger.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function begin() {
  const clock = new ManualClock();
  const request = new PassThrough();
  const did: string[] = [];
  const response = {
    write: (chunk: Buffer) => did.push(`write ${chunk.length}`),
    flushHeaders: () => did.push("head"),
    end: () => did.push("end"),
  };
  return {
    clock,
    request: request as unknown as IncomingMessage & PassThrough,
    response: response as unknown as ServerResponse,
    did,
  };
}

suite("an answer before the body has ended", () => {
  test("goes out at once, and its connection closes a second later", () => {
    const { clock, request, response, did } = begin();
    lingerThenEnd(request, response, Buffer.alloc(3), clock);
    clock.advance(999);
    assert.deepEqual(did, ["write 3"]);
    clock.advance(1);
    assert.deepEqual(did, ["write 3", "end"]);
    assert.equal(clock.pending, 0);
  });

  test("closes once the body has ended or a mebibyte was swallowed, whichever is first, and once only", async () => {
    for (const last of [true, false]) {
      const { clock, request, response, did } = begin();
      lingerThenEnd(request, response, undefined, clock);
      if (last) request.end(Buffer.alloc(10));
      else for (let i = 0; i < 17; i++) request.write(Buffer.alloc(65_536));
      for (let turn = 0; turn < 50 && did.length < 2; turn++) await nextTurn();
      clock.advance(5000);
      assert.deepEqual(did, ["head", "end"]);
    }
  });
});
