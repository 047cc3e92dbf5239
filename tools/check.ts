/** `npm run check`: all that needs no server, on two processors. What a step prints comes as a whole when it has ended. */
import { spawn } from "node:child_process";

/** Scripts of package.json, in the order in which they begin. */
const STEPS = ["test:unit", "types", "lint", "dead", "format:check"];
const AT_ONCE = 2;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
}

function run(step: string): Promise<Ended> {
  const startedAt = performance.now();
  // npm is there: it runs this.
  const child = spawn("npm", ["run", "--silent", step], { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({ code, output: Buffer.concat(chunks).toString(), seconds });
    });
  });
}

const waiting = [...STEPS];
const failed: string[] = [];

async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const { code, output, seconds } = await run(step);
    process.stdout.write(`${output}\n${step}: ${code === 0 ? "ok" : "FAILED"} after ${seconds.toFixed(1)} s\n\n`);
    if (code !== 0) failed.push(step);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
if (failed.length > 0) console.error(`check failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
