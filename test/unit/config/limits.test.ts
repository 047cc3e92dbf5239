import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readConfig } from "../../../src/config/load.ts";
import { ConfigError, issueLine } from "../../../src/core/errors.ts";

/** A configuration with these lines at its top, and this rate limit on its one route. */
const textOf = (rateLimit: string, top = ""): string => `${top}routes:
  - name: all
    match: { path: "/*" }
    respond: { status: 204 }
    rateLimit: ${rateLimit}
`;

function errorsOf(text: string): string[] {
  try {
    readConfig(text, "f.yaml", {});
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError, String(thrown));
    return thrown.issues.map(issueLine);
  }
  return [];
}

const warningsOf = (text: string): string[] => readConfig(text, "f.yaml", {}).warnings.map(issueLine);

suite("client quotas in the configuration", () => {
  test("a rule, a name, a list of both, and off", () => {
    const top = "rateLimits:\n  everybody: { by: client, limit: 1000, window: 1m }\n";
    for (const rateLimit of [
      "{ by: client, limit: 100, window: 1s }",
      "everybody",
      "[everybody, { name: seats, by: tenant, concurrent: 20 }]",
      "[everybody, { by: [tenant, { header: x-api-key }], limit: 5, window: 1d, algorithm: token-bucket, burst: 9 }]",
    ]) {
      assert.deepEqual(errorsOf(textOf(rateLimit, top)), [], rateLimit);
    }
    assert.deepEqual(errorsOf(textOf("off")), []);
  });

  const refused: readonly (readonly [what: string, rateLimit: string, says: RegExp])[] = [
    [
      "neither limit nor concurrent",
      "{ by: client }",
      /^f\.yaml:5:\d+ routes\.0\.rateLimit\.limit - is missing: a rule has a limit/,
    ],
    ["a limit without a window", "{ limit: 5 }", /rateLimit\.window - is missing: a limit is for a time, such as "1s"/],
    ["a window without a limit", "{ window: 5s, concurrent: 1 }", /rateLimit\.window - has no effect without a limit/],
    ["a bare number as window", "{ limit: 5, window: 5 }", /rateLimit\.window - expected a duration with its unit/],
    ["a part of a second", "{ limit: 5, window: 1500ms }", /rateLimit\.window - expected whole seconds/],
    ["a window that is too short", "{ limit: 5, window: 100ms }", /rateLimit\.window - must be between 1s and 1d/],
    ["a limit of 0", "{ limit: 0, window: 1s }", /rateLimit\.limit - must be at least 1/],
    [
      "burst on a fixed window",
      "{ limit: 5, window: 1s, burst: 2 }",
      /rateLimit\.burst - has no effect on a fixed window: take it out/,
    ],
    ["an unknown key", "{ limit: 5, window: 1s, brust: 2 }", /unknown key "brust": did you mean "burst"\?/],
    [
      "an unknown algorithm",
      "{ limit: 5, window: 1s, algorithm: gcra }",
      /rateLimit\.algorithm - expected one of "fixed-window", "token-bucket"/,
    ],
    [
      "a name that is not there",
      "everbody",
      /^f\.yaml:5:\d+ routes\.0\.rateLimit - there is no rate limit "everbody": rateLimits declares none/,
    ],
    ["an empty list", "[]", /rateLimit - must be at least 1 entries/],
    [
      "a header that is none",
      "{ by: { header: 'a b' }, limit: 1, window: 1s }",
      /rateLimit\.by\.header - expected a header field name/,
    ],
    [
      "two rules of one name",
      "[{ name: a, limit: 1, window: 1s }, { name: a, limit: 9, window: 1m }]",
      /rateLimit\.1\.name - the name "a" is taken by routes\.0\.rateLimit\.0/,
    ],
  ];
  for (const [what, rateLimit, says] of refused) {
    test(`${what} is refused, with its place and the remedy`, () => {
      const errors = errorsOf(textOf(rateLimit));
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.match(errors[0]!, says);
    });
  }

  test("a misspelt name is told with the one that was meant", () => {
    const top = "rateLimits:\n  everybody: { limit: 1, window: 1s }\n";
    assert.match(
      errorsOf(textOf("everbody", top))[0]!,
      /there is no rate limit "everbody": did you mean "everybody"\?/,
    );
    assert.match(
      errorsOf(textOf("{ name: everybody, limit: 1, window: 1s }", top))[0]!,
      /is taken by rateLimits\.everybody/,
    );
  });

  test("what does nothing is warned of", () => {
    const unused = "rateLimits:\n  nobody: { limit: 1, window: 1s }\n";
    assert.match(warningsOf(textOf("off", unused))[0]!, /rateLimits\.nobody - no route uses this rate limit/);
    const exact = warningsOf(textOf("{ limit: 1, window: 1s, exact: true }"));
    assert.match(exact[0]!, /rateLimit\.exact - has no effect without redis/);
    assert.equal(exact.length, 1);
  });
});
