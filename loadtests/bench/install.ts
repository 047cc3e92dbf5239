/** The peers come from their own lockfile, on first use: who does not measure does not download them. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function installPeers(): void {
  const loadtests = fileURLToPath(new URL("..", import.meta.url));
  if (existsSync(new URL("../node_modules/.package-lock.json", import.meta.url))) return;
  process.stderr.write("installing the peers of loadtests/package-lock.json (first use only)\n");
  execFileSync("npm", ["ci", "--prefix", loadtests], { stdio: ["ignore", 2, 2] });
}

/** Compiles Spillway: what is measured is what the package ships, not the checkout with its types stripped at every start. */
export function buildSpillway(): void {
  execFileSync("npm", ["run", "-s", "build"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: ["ignore", 2, 2],
  });
}
