import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AnswerReader } from "../../../loadtests/bench/answer-reader.ts";
import { answer, body } from "../../../loadtests/bench/answer.ts";
import { selfTime } from "../../../loadtests/bench/cpuprofile.ts";
import { parseWrk } from "../../../loadtests/bench/generator.ts";
import { readOptions } from "../../../loadtests/bench/options.ts";
import { spillwayConfig } from "../../../loadtests/bench/spillway.ts";
import { figure, table } from "../../../loadtests/bench/table.ts";

const WRK = `Running 2s test @ http://127.0.0.1:4000/bench
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.20ms  560.00us  20.00ms   95.00%
  Latency Distribution
     50%  980.00us
     75%    2.30ms
     90%    2.60ms
     99%    1.20s
  60123 requests in 2.10s, 70.00MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 40
Requests/sec:  28630.00
`;

suite("reading what the tools of a benchmark say", () => {
  test("the report of wrk, in any unit, with errors of both kinds", () => {
    assert.deepEqual(parseWrk(WRK), { requests: 60123, seconds: 2.1, p50: 0.98, p99: 1200, errors: 44 });
  });

  test("a report of another tool is refused rather than read as zeros", () => {
    assert.throws(() => parseWrk("connection refused"), /something else/);
  });

  test("answers are cut right wherever the reads fall", () => {
    const chunked = Buffer.from("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    const stream = Buffer.concat([answer(1024), chunked, answer(100)]);
    for (const step of [1, 7, 1000, stream.length]) {
      const seen: number[] = [];
      const reader = new AnswerReader((status) => seen.push(status));
      for (let at = 0; at < stream.length; at += step) reader.feed(stream.subarray(at, at + step));
      assert.deepEqual(seen, [200, 503, 200], `in steps of ${step}`);
    }
  });

  test("the body is JSON of exactly the size asked for", () => {
    for (const size of [1024, 20_480]) {
      assert.equal(body(size).length, size);
      assert.doesNotThrow(() => JSON.parse(body(size)));
    }
  });

  test("self time leaves idle and what lies outside the window out", () => {
    const frame = (id: number, functionName: string, url: string) => ({
      id,
      callFrame: { functionName, url, lineNumber: 9 },
    });
    const profile = {
      nodes: [frame(1, "(idle)", ""), frame(2, "forward", "file:///any/where/src/http/a.ts"), frame(3, "write", "")],
      startTime: 1000,
      samples: [2, 1, 2, 3, 2],
      timeDeltas: [10, 100, 100, 30, 10],
    };
    assert.deepEqual(selfTime(profile, 1100, 2000), {
      hot: [
        { where: "forward src/http/a.ts:10", share: 0.75 },
        { where: "write", share: 0.25 },
      ],
      busy: 40,
      idle: 100,
    });
  });
});

suite("command line and table of the benchmarks", () => {
  test("sizes are KiB on the command line and octets inside", () => {
    assert.equal(readOptions(["--size", "20"]).size, 20_480);
    assert.equal(readOptions(["--routes", "500"]).what, "routes");
    assert.deepEqual([readOptions(["--bulk", "2"]).what, readOptions(["--bulk", "2"]).bulk], ["bulk", 2_097_152]);
  });

  test("nonsense is refused with the name of the option", () => {
    assert.throws(() => readOptions(["--slice", "0.5"]), /--slice/);
    assert.throws(() => readOptions(["--latency", "--workers"]), /one of --latency, --workers/);
    assert.throws(() => readOptions(["--generator", "ab"]), /wrk or node/);
  });

  test("the last of many routes is the one that matches", () => {
    const { routes } = spillwayConfig({ port: 1, upstream: 2 }, { routes: 500 }) as {
      routes: { match: { path: string } }[];
    };
    assert.equal(routes.length, 500);
    assert.equal(
      routes.findIndex(({ match }) => match.path === "/*"),
      499,
    );
  });

  test("columns line up, and a figure that does not exist is a dash", () => {
    assert.equal(
      table(
        ["name", "us"],
        [
          ["a", figure(1.25, 2)],
          ["long one", figure(Number.NaN)],
        ],
      ),
      ["name        us", "--------  ----", "a         1.25", "long one     -"].join("\n"),
    );
  });
});
