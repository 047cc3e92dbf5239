import assert from "node:assert/strict";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { validateConfig } from "../../../src/config/load.ts";
import { loadMaterial, readMaterial } from "../../../src/config/material.ts";
import { fileSource } from "../../../src/config/source.ts";
import { temporaryDirectory } from "../../support/directory.ts";
import { ConfigError } from "../../../src/core/errors.ts";

const file = (name: string): string => fileURLToPath(new URL(`../../support/tls/${name}`, import.meta.url));

const configWith = (tls: object, ca: string) =>
  validateConfig({
    listen: { tls },
    dependencies: { shop: { http: { targets: ["https://127.0.0.1:1"], ca } } },
    routes: [{ match: { path: "/*" }, dependency: "shop" }],
  }).config;

test("files are the same, read at once or not", async () => {
  const config = configWith({ cert: file("cert.pem"), key: file("key.pem") }, file("cert.pem"));
  const read = readMaterial(config, "config");
  assert.match(read.tls?.cert ?? "", /BEGIN CERTIFICATE/);
  assert.match(read.tls?.key ?? "", /PRIVATE KEY/);
  assert.equal(read.authorities.get("shop"), read.tls?.cert);
  assert.deepEqual(await loadMaterial(config, "config"), read);
});

test("every file that cannot be read is named, and a pair that does not fit", async () => {
  const missing = configWith({ cert: "no/cert.pem", key: "no/key.pem" }, "no/ca.pem");
  const paths = ["dependencies.shop.http.ca", "listen.tls.cert", "listen.tls.key"];
  const names = (error: unknown): boolean => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.issues.map(({ path }) => path),
      paths,
    );
    return true;
  };
  assert.throws(() => readMaterial(missing, "config"), names);
  await assert.rejects(loadMaterial(missing, "config"), names);
  const swapped = configWith({ cert: file("key.pem"), key: file("cert.pem") }, file("cert.pem"));
  assert.throws(() => readMaterial(swapped, "config"), /listen\.tls - certificate and key do not work together/);
});

test("a file of authorities that holds none is refused", () => {
  const config = configWith({ cert: file("cert.pem"), key: file("key.pem") }, file("key.pem"));
  assert.throws(() => readMaterial(config, "config"), /dependencies\.shop\.http\.ca - holds no certificate/);
});

test("relative names start where the configuration file is", async () => {
  await using directory = await temporaryDirectory();
  await copyFile(file("cert.pem"), join(directory.path, "ca.pem"));
  const text = `dependencies: { shop: { http: { targets: ["https://127.0.0.1:1"], ca: ca.pem } } }
routes: [{ match: { path: "/*" }, dependency: shop }]
`;
  await writeFile(join(directory.path, "gateway.yaml"), text);
  const { material } = await fileSource(join(directory.path, "gateway.yaml"), {}).load();
  assert.match(material.authorities.get("shop") ?? "", /BEGIN CERTIFICATE/);
});

test("a public key that is none is refused, a private one too; a fallback's file is read as octets", async () => {
  const configOf = (publicKey: string, fallback?: string) =>
    validateConfig({
      cache: { identity: { jwt: { publicKey } } },
      dependencies: { shop: { http: { targets: ["https://127.0.0.1:1"] } } },
      routes: [
        {
          name: "all",
          match: { path: "/*" },
          dependency: "shop",
          cache: fallback ? { fallback: { file: fallback } } : {},
        },
      ],
    }).config;
  for (const wrong of [file("key.pem"), fileURLToPath(import.meta.url)]) {
    assert.throws(
      () => readMaterial(configOf(wrong), "config"),
      /cache\.identity\.jwt\.publicKey - holds no public key/,
    );
  }
  const read = readMaterial(configOf(file("cert.pem"), file("cert.pem")), "config");
  assert.match(read.identityKey ?? "", /BEGIN CERTIFICATE/);
  assert.equal(Buffer.from(read.fallbacks.get("all")!).toString(), read.identityKey);
  assert.deepEqual(await loadMaterial(configOf(file("cert.pem"), file("cert.pem")), "config"), read);
});
