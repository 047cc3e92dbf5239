import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { wholeBody } from "../../../../src/core/body.ts";
import { failed, refused, type FailedReason, type Outcome, type RefusedReason } from "../../../../src/core/outcome.ts";
import { breakerSettings, type BreakerSettings } from "../../../../src/dependency/breaker/settings.ts";
import { createJudge } from "../../../../src/dependency/breaker/verdict.ts";

const settings = (given: object = {}) => breakerSettings.parse(given) as Exclude<BreakerSettings, "off">;

const served = (status: number, dependencyMs = 1): Outcome => ({
  kind: "served",
  status,
  headers: [],
  body: wholeBody(Buffer.alloc(0)),
  by: "dependency",
  dependencyMs,
});

suite("what a call tells of a dependency", () => {
  const judge = createJudge(settings());

  test("a 5xx is a failure but for 501, anything else a success", () => {
    const failing = Array.from({ length: 500 }, (_, at) => at + 100).filter(
      (status) => judge(served(status), 1, true) === "failure",
    );
    const expected = Array.from({ length: 100 }, (_, at) => at + 500).filter((status) => status !== 501);
    assert.deepEqual(failing, expected);
    assert.equal(judge({ kind: "tunnelled", status: 101 }, 1, true), "success");
  });

  test("no answer is a failure by whatever cause of the dependency's; a client that left and our faults tell nothing", () => {
    const verdict = (reason: FailedReason) => judge(failed(reason, ""), 1, true);
    for (const reason of ["connect", "connect-timeout", "timeout", "reset", "bad-response"] as const) {
      assert.equal(verdict(reason), "failure", reason);
    }
    assert.equal(verdict("client-gone"), "untold");
    assert.equal(verdict("internal"), "untold");
  });

  test("our own refusals tell nothing", () => {
    const reasons: readonly RefusedReason[] = [
      "shed",
      "full",
      "wait",
      "quota",
      "busy",
      "memory",
      "deadline",
      "breaker",
    ];
    for (const reason of reasons) assert.equal(judge(refused(reason, ""), 5_000, true), "untold", reason);
  });

  test("a deadline of the client's tells of a slow dependency only if that was at work for as long", () => {
    const late = (dependencyMs: number): Outcome => ({ ...refused("deadline", ""), dependencyMs });
    assert.equal(judge(late(999), 5_000, true), "untold");
    assert.equal(judge(late(1_000), 5_000, true), "slow");
  });

  test("an answer is slow from slowCallDuration on, a failure too; an upload that is streamed never is", () => {
    assert.equal(judge(served(200, 999), 999, true), "success");
    assert.equal(judge(served(200, 1_000), 1_000, true), "slow");
    assert.equal(judge(served(500, 1_000), 1_000, true), "slow-failure");
    assert.equal(judge(failed("timeout", ""), 4_000, true), "slow-failure");
    assert.equal(judge(served(200, 60_000), 60_000, false), "success");
  });

  test("what the cache or the gateway answered tells nothing", () => {
    const outcome = served(500);
    assert.ok(outcome.kind === "served");
    assert.equal(judge({ ...outcome, by: "cache" }, 1, true), "untold");
    assert.equal(judge({ ...outcome, by: "gateway" }, 1, true), "untold");
    assert.equal(judge({ kind: "handed-on" }, 1, true), "untold");
  });

  test("statuses and reasons can be chosen", () => {
    const own = createJudge(settings({ failures: { statuses: [429, "503-504"], reasons: ["connect"] } }));
    const verdicts = [429, 500, 503, 504, 505].map((status) => own(served(status), 1, true));
    assert.deepEqual(verdicts, ["failure", "success", "failure", "failure", "success"]);
    assert.equal(own(failed("connect", ""), 1, true), "failure");
    assert.equal(own(failed("reset", ""), 1, true), "untold");
  });
});
