import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { suite, test } from "node:test";
import { AT_EASE } from "../../../src/core/own-work.ts";
import { countHostWork } from "../../../src/http/host-work.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function counted() {
  const clock = new ManualClock();
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const seen: (number | "began")[] = [];
  const saturation = {
    admits: () => true,
    began: () => void seen.push("began"),
    ended: (ms: number) => void seen.push(ms),
    close() {},
    ...AT_EASE,
  };
  countHostWork({ clock, saturation }, response, clock.now());
  return { clock, response, seen };
}

suite("work of a host application", () => {
  test("lasts until the head of its answer, however that is written, and counts once", () => {
    for (const answer of [
      (response: ServerResponse) => response.writeHead(200).end("x"),
      (response: ServerResponse) => response.end("x"),
      (response: ServerResponse) => response.write("x"),
    ]) {
      const { clock, response, seen } = counted();
      clock.advance(20);
      answer(response);
      clock.advance(20);
      response.emit("close");
      assert.deepEqual(seen, ["began", 20]);
    }
  });

  test("ends with a client that leaves before there is a head", () => {
    const { clock, response, seen } = counted();
    clock.advance(30);
    response.emit("close");
    assert.deepEqual(seen, ["began", 30]);
  });

  test("is what the host wrote, with its fields", () => {
    const { response } = counted();
    assert.equal(response.writeHead(201, { "X-Host": "1" }), response);
    assert.deepEqual([response.statusCode, response.headersSent], [201, true]);
  });
});
