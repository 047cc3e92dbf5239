/**
 * What routing costs a request, in nanoseconds: `node loadtests/micro/routing.ts`. Each figure is the median of several
 * rounds on a warm process; the paths change from call to call, so that nothing is answered from a cache of the runtime.
 */
import { readHost } from "../../src/routing/authority.ts";
import { clientKey } from "../../src/core/address.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createClassifier } from "../../src/routing/classify.ts";
import { Cohorts } from "../../src/routing/cohort.ts";
import { compilePriority } from "../../src/routing/priority.ts";
import { compileRewrite } from "../../src/routing/rewrite.ts";
import { prioritySettings } from "../../src/routing/settings.ts";
import { compileRoutes } from "../../src/routing/table.ts";
import { readTarget } from "../../src/routing/target.ts";
import { clientAddress, compileTrust } from "../../src/routing/trust.ts";

const ROUNDS = 9;
const CALLS = 200_000;
const VARIANTS = 1024;

/** Fresh flat strings, as a parser hands them over: no shared object, no hash computed yet by an earlier round. */
const fresh = (texts: readonly string[]): string[] => texts.map((text) => Buffer.from(text).toString("latin1"));

let sink = 0;

function measure(name: string, inputs: readonly string[], call: (input: string) => unknown): void {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const batches = Array.from({ length: CALLS / VARIANTS }, () => fresh(inputs));
    const began = performance.now();
    for (const batch of batches) for (const input of batch) if (call(input) !== undefined) sink++;
    rounds.push(((performance.now() - began) * 1e6) / (batches.length * inputs.length));
  }
  rounds.sort((a, b) => a - b);
  process.stdout.write(`${name.padEnd(44)} ${rounds[ROUNDS >> 1]!.toFixed(0).padStart(6)} ns\n`);
}

const variants = (make: (i: number) => string): string[] => Array.from({ length: VARIANTS }, (_, i) => make(i));

for (const count of [1, 50, 500]) {
  const routes = Array.from({ length: count }, (_, i) => ({ match: { path: `/api/service-${i}/*` }, value: i }));
  const table = compileRoutes(routes);
  const match = (path: string) => table.match("example.org", path, "GET");
  measure(
    `match, ${count} prefixes, first`,
    variants((i) => `/api/service-0/items/${i}`),
    match,
  );
  measure(
    `match, ${count} prefixes, last`,
    variants((i) => `/api/service-${count - 1}/items/${i}`),
    match,
  );
  measure(
    `match, ${count} prefixes, none`,
    variants((i) => `/other/service-${i}/items/7`),
    match,
  );
}

{
  const table = compileRoutes([{ match: { path: "/*" }, value: 0 }]);
  measure(
    "match, everything",
    variants((i) => `/api/service/items/${i}`),
    (path) => table.match("h", path, "GET"),
  );
}

for (const count of [1, 50, 500]) {
  const routes = Array.from({ length: count }, (_, i) => ({
    match: { host: `h${i}.example.org`, path: `/:tenant/service-${i}/:id`, methods: ["GET"] },
    value: i,
  }));
  const table = compileRoutes(routes);
  const match = (path: string) => table.match(`h${count - 1}.example.org`, path, "GET");
  measure(
    `match, ${count} hosts with parameters, last`,
    variants((i) => `/t${i}/service-${count - 1}/${i}`),
    match,
  );
}

{
  const routes = Array.from({ length: 500 }, (_, i) => ({
    match: { path: `/:a${i}/${i % 2 ? "x" : ":b"}/${"y/".repeat(i % 7)}service-${i}` },
    value: i,
  }));
  const table = compileRoutes(routes);
  const match = (path: string) => table.match("example.org", path, "GET");
  measure(
    "match, 500 that begin with a parameter, last",
    variants((i) => `/t${i}/x/y/y/service-499`),
    match,
  );
  measure(
    "match, 500 that begin with a parameter, none",
    variants((i) => `/t${i}/x/y/y/y/y/none`),
    match,
  );
  measure(
    "match, escaped path",
    variants((i) => `/t%C3%A9${i}/x/y/y/service-499`),
    match,
  );
}

const target = (raw: string) => readTarget(raw, "GET", "example.org");
measure(
  "readTarget, plain",
  variants((i) => `/api/products/${i}/reviews`),
  target,
);
measure(
  "readTarget, plain with query",
  variants((i) => `/api/products/${i}?page=2&sort=name`),
  target,
);
measure(
  "readTarget, escaped",
  variants((i) => `/api/caf%c3%a9/%61${i}//x`),
  target,
);
measure(
  "readTarget, absolute",
  variants((i) => `http://example.org/api/products/${i}`),
  target,
);

measure(
  "readHost, name",
  variants((i) => `shop-${i}.example.org`),
  (value) => readHost(value, "http"),
);
measure(
  "readHost, address and port",
  variants((i) => `127.0.0.1:${i + 1}`),
  (value) => readHost(value, "http"),
);

const rewrite = compileRewrite("/api/*", { prefix: "/v2" });
measure(
  "rewrite prefix",
  variants((i) => `/api/products/${i}`),
  (path) => rewrite(path, path, "", {}),
);

const trusts = compileTrust(["10.0.0.0/8", "172.16.0.0/12", "fd00::/8"]);
measure(
  "clientAddress, not trusted",
  variants((i) => `203.0.113.${i % 256}`),
  (peer) => clientAddress(peer, "1.1.1.1", undefined, trusts),
);
measure(
  "clientAddress, two hops",
  variants((i) => `203.0.113.${i % 256}, 10.0.0.2`),
  (field) => clientAddress("10.0.0.1", field, undefined, trusts),
);

const classOf = compilePriority({ header: "x-class", map: { a: "critical" }, default: "default" });
measure(
  "priority from a field",
  variants((i) => `v${i}`),
  (value) => classOf(["host", "a", "x-class", value], "GET"),
);

const stand = createClassifier({ settings: prioritySettings.parse({}), identities: undefined, clock: systemClock })(
  undefined,
  undefined,
);
const client = { address: "203.0.113.1", trusted: false };
const asking = { method: "GET", target: "/", headers: ["host", "a"], client };
measure(
  "who comes first, no word of it",
  variants((i) => `/${i}`),
  () => stand(asking, undefined),
);
measure(
  "who comes first, Priority",
  variants((i) => `u=${i % 8}, i`),
  (value) => stand(asking, ["priority", value]),
);
measure(
  "clientKey, IPv6",
  variants((i) => `2001:db8:${i.toString(16)}:1::${i.toString(16)}`),
  clientKey,
);

const cohorts = new Cohorts(systemClock, "a salt for this", 3_600_000);
const tenants = variants((i) => `203.0.113.${i % 256}`);
measure("cohort, nothing used", tenants, (tenant) => cohorts.of(tenant, 0));
measure("usage", tenants, (tenant) => cohorts.used(tenant, 10, 0));
measure("cohort, by usage", tenants, (tenant) => cohorts.of(tenant, 1000));

if (sink === 0) process.exitCode = 1;
