import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * In a checkout, keeps modules without their types in `.cache` of the package for the next start. Not for the built
 * package: there it would save some 60 ms of a start and cost 4 MiB for good.
 * Beside the code on purpose, not in a temporary folder: who could plant something there could change the code itself.
 * Where it cannot be written, each start compiles anew. Off: NODE_DISABLE_COMPILE_CACHE=1, and while coverage is taken.
 */
export function keepCompiledCode(env: Readonly<Record<string, string | undefined>>): void {
  if (!import.meta.url.endsWith(".ts") || env["NODE_V8_COVERAGE"] !== undefined) return;
  enableCompileCache(fileURLToPath(new URL("../../.cache", import.meta.url)));
}
