/** Entry of the command `spillway`: hands the process to the command line. Started by `bin/spillway.js`. */
import { createRequire } from "node:module";
import { EXIT, type Io } from "./cli/command.ts";
import { callersDirectory } from "./cli/config-file.ts";
import { keepCompiledCode } from "./cli/compile-cache.ts";
import { undiciProblem } from "./cli/preflight.ts";

// Before the modules below them are read: what they are for is how those are loaded.
keepCompiledCode(process.env);

const require = createRequire(import.meta.url);
const versionOf = (file: string): string => (require(file) as { version: string }).version;

const io: Io = {
  isRoot: process.getuid?.() === 0,
  version: versionOf("../package.json"),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: callersDirectory(process.env, process.cwd(), require.resolve("../package.json")),
  onSignal(signal, listener) {
    process.on(signal, listener);
    return () => process.off(signal, listener);
  },
  onFault(listener) {
    const onThrown = (thrown: unknown, origin: string): void => listener(origin, thrown);
    const onRejected = (reason: unknown): void => listener("unhandledRejection", reason);
    process.on("uncaughtException", onThrown);
    process.on("unhandledRejection", onRejected);
    return () => {
      process.off("uncaughtException", onThrown);
      process.off("unhandledRejection", onRejected);
    };
  },
};

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const problem = undiciProblem(versionOf("undici/package.json"));
if (problem === undefined) {
  const [{ commands }, { dispatch }] = await Promise.all([import("./cli/commands.ts"), import("./cli/dispatch.ts")]);
  const cli = { commands, version: io.version };
  process.exitCode = await dispatch(process.argv.slice(2), cli, io);
} else {
  io.stderr.write(`${problem}\n`);
  process.exitCode = EXIT.failure;
}
