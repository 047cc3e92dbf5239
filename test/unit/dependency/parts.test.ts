import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { createHeadReader, readTrailers } from "../../../src/dependency/answer.ts";
import { failureOf, isBrokenConnection } from "../../../src/dependency/faults.ts";
import { ResendBudget } from "../../../src/dependency/resend.ts";

const coded = (code: string, message = "planted"): Error => Object.assign(new Error(message), { code });

suite("the budget of resends", () => {
  test("whatever the order, no more than a burst of 64 and a tenth of what was sent", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 2000 }), (script) => {
        const budget = new ResendBudget();
        let sent = 0;
        let resent = 0;
        for (const first of script) {
          if (first) {
            sent += 1;
            budget.earn();
          } else if (budget.spend()) resent += 1;
        }
        assert.ok(resent <= 64 + sent / 10 + 1);
      }),
    );
  });

  test("is full at first and refills", () => {
    const budget = new ResendBudget();
    for (let i = 0; i < 64; i++) assert.equal(budget.spend(), true);
    assert.equal(budget.spend(), false);
    for (let i = 0; i < 11; i++) budget.earn();
    assert.deepEqual([budget.spend(), budget.spend()], [true, false]);
  });
});

suite("what an error of the HTTP client means", () => {
  for (const [code, connected, reason] of [
    ["UND_ERR_CONNECT_TIMEOUT", false, "connect-timeout"],
    ["ECONNREFUSED", false, "connect"],
    ["ENOTFOUND", false, "connect"],
    ["ECONNRESET", true, "reset"],
    ["UND_ERR_SOCKET", true, "reset"],
    ["HPE_INVALID_CONSTANT", true, "bad-response"],
    ["UND_ERR_HEADERS_OVERFLOW", true, "bad-response"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", true, "bad-response"],
  ] as const) {
    test(`${code} is ${reason}`, () => {
      const failure = failureOf(coded(code), connected, "catalog");
      assert.equal(failure.reason, reason);
      assert.ok(failure.detail.includes("catalog") && !failure.detail.includes("planted"));
    });
  }

  test("an error of the parser without a code is bad-response, too", () => {
    const error = Object.assign(new Error("Response does not match the HTTP/1.1 protocol"), {
      name: "HTTPParserError",
    });
    assert.equal(failureOf(error, true, "catalog").reason, "bad-response");
  });

  test("only a connection that just ended may be tried again", () => {
    for (const code of ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]) assert.equal(isBrokenConnection(coded(code)), true);
    for (const code of ["HPE_INVALID_CONSTANT", "UND_ERR_CONNECT_TIMEOUT"]) {
      assert.equal(isBrokenConnection(coded(code)), false);
    }
    assert.equal(isBrokenConnection(coded("UND_ERR_SOCKET", "bad response")), false);
  });
});

suite("the head of an answer", () => {
  const read = (fields: string[], status = 200, keeps = false) => createHeadReader()(fields, status, keeps);

  test("loses what is hop-by-hop and what Connection names, and keeps the rest in order", () => {
    const head = read([
      "A",
      "1",
      "Connection",
      "X-Hop, close",
      "X-Hop",
      "2",
      "Keep-Alive",
      "x",
      "Set-Cookie",
      "c",
      "B",
      "3",
    ]);
    assert.deepEqual(head?.headers, ["A", "1", "Set-Cookie", "c", "B", "3"]);
  });

  test("Connection cannot take away what frames or guards the answer", () => {
    const head = read(["Content-Length", "3", "Set-Cookie", "c", "Connection", "content-length, set-cookie"]);
    assert.deepEqual([head?.headers, head?.length], [["Content-Length", "3", "Set-Cookie", "c"], 3]);
  });

  test("two lengths, or one that is no number, are refused", () => {
    assert.equal(read(["Content-Length", "3", "content-length", "3"]), undefined);
    for (const value of ["+3", "0x3", "3, 3", "", "1234567890123456"])
      assert.equal(read(["Content-Length", value]), undefined);
  });

  test("204 has no length, and the Trailer field stays where trailers pass", () => {
    assert.deepEqual(read(["Content-Length", "0"], 204)?.headers, []);
    assert.deepEqual(read(["Trailer", "X"], 200, true)?.headers, ["Trailer", "X"]);
    assert.deepEqual(read(["Trailer", "X"])?.headers, []);
  });

  test("trailers that frame, route or authorise are dropped", () => {
    const raw = [
      "X-Sum",
      "1",
      "Content-Length",
      "5",
      "Set-Cookie",
      "a",
      "transfer-encoding",
      "chunked",
      "Grpc-Status",
      "0",
    ];
    assert.deepEqual(readTrailers(raw), ["X-Sum", "1", "Grpc-Status", "0"]);
  });
});
