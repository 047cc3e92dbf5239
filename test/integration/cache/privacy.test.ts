import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRaw } from "../../support/raw-client.ts";
import { sends, startRig } from "./cache-rig.ts";

const CREDENTIALS: Readonly<Record<string, (user: string) => string>> = {
  none: () => "",
  authorization: (user) => `Authorization: Bearer ${user}\r\n`,
  cookie: (user) => `Cookie: session=${user}\r\n`,
  both: (user) => `Authorization: Bearer ${user}\r\nCookie: session=${user}\r\n`,
};

interface Kind {
  readonly fields: Readonly<Record<string, string>>;
  /** Whether those without credentials may have one and the same. */
  readonly anonymousShare: boolean;
}

const ANSWERS: Readonly<Record<string, Kind>> = {
  "max-age": { fields: { "Cache-Control": "max-age=60" }, anonymousShare: true },
  private: { fields: { "Cache-Control": "private, max-age=60" }, anonymousShare: false },
  "no-store": { fields: { "Cache-Control": "no-store" }, anonymousShare: false },
  "set-cookie": { fields: { "Cache-Control": "public, max-age=60", "Set-Cookie": "id=1" }, anonymousShare: false },
  "vary *": { fields: { "Cache-Control": "public, max-age=60", Vary: "*" }, anonymousShare: false },
};

const CACHES = [
  "origin",
  { requestFields: "all" },
  { ttl: "60s", staleWhileRevalidate: "60s", staleIfError: "60s" },
  { ttl: "60s", setCookie: "pass", query: { ignore: ["utm_*"] }, requestFields: ["x-user"] },
];

for (const cache of CACHES) {
  test(`C1, C2, C3: no user gets another's answer (${JSON.stringify(cache)})`, async () => {
    for (const [answer, { fields, anonymousShare }] of Object.entries(ANSWERS)) {
      await using rig = await startRig(
        cache,
        sends((_, call) => `${call}`, fields, 5),
      );
      for (const [first, ofFirst] of Object.entries(CREDENTIALS)) {
        for (const [second, ofSecond] of Object.entries(CREDENTIALS)) {
          const where = `${answer}: ${first} and ${second}`;
          const path = `/${first}/${second}`;
          const users = [
            () => rig.ask(path, ofFirst("a")),
            () => rig.ask(path, ofSecond("b")),
            () => rig.ask(path, ofFirst("a")),
            () => rig.ask(path, ofSecond("b")),
          ];
          const atOnce = await Promise.all(users.slice(0, 2).map((ask) => ask()));
          const later = [await users[2]!(), await users[3]!()];
          const credentials = [first, second, first, second];
          const texts = [...atOnce, ...later].map(({ text }) => text);
          for (const [i, text] of texts.entries()) {
            for (const [j, other] of texts.entries()) {
              if (i >= j) continue;
              const shared = anonymousShare && credentials[i] === "none" && credentials[j] === "none";
              if (!shared) assert.notEqual(text, other, `${where}, ${i} and ${j}`);
            }
          }
        }
      }
    }
  });
}

test("where every field is sent, what says of itself that it is for everyone is kept and given to those with credentials, but not waited for", async () => {
  const fields = { "Cache-Control": "public, max-age=60" };
  await using rig = await startRig(
    { requestFields: "all" },
    sends((_, call) => `${call}`, fields, 50),
  );
  const answers = await rig.herd(5, (index) => `Cookie: id=${index}\r\n`);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 5);
  assert.match((await rig.ask("/x", "Authorization: Bearer z\r\n")).cache, /^spillway; hit/);
});

test("C7: who names another host, scheme or query gets another answer", async () => {
  await using rig = await startRig(
    "origin",
    sends((_, call) => `${call}`, { "Cache-Control": "max-age=60" }),
  );
  const one = await rig.ask("/x?a=1");
  assert.equal((await rig.ask("/x?a=1")).text, one.text);
  assert.notEqual((await rig.ask("/x?a=2")).text, one.text);
  assert.notEqual((await rig.ask("/x")).text, one.text);
  const byHost = async (host: string): Promise<string> => {
    using client = await connectRaw(rig.gateway.port);
    await client.send(`GET /x?a=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await client.readResponse()).text();
  };
  assert.equal(await byHost("SHOP.example:80"), one.text, "the same host, written in another way");
  const hosts = ["evil.example", "shop.example:8080", "shop.example.evil.example"];
  const texts = [one.text, ...(await Promise.all(hosts.map(byHost)))];
  assert.equal(new Set(texts).size, texts.length);
  // An untrusted client's X-Forwarded-Host is nobody's business.
  assert.equal((await rig.ask("/x?a=1", "X-Forwarded-Host: evil.example\r\n")).text, one.text);
});

test("C6: a GET with a body passes by", async () => {
  await using rig = await startRig(
    "origin",
    sends((_, call) => `${call}`, { "Cache-Control": "max-age=60" }),
  );
  assert.equal((await rig.ask()).text, "1");
  using client = await connectRaw(rig.gateway.port);
  await client.send("GET /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nfat");
  const fat = await client.readResponse();
  assert.deepEqual([fat.text(), fat.header("cache-status")], ["2", "spillway; fwd=bypass"]);
  assert.equal((await rig.ask()).text, "1");
});
