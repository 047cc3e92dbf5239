/** What makes a start short and small. All of it may fail without anything but time and memory being lost. */
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation at its first size while modules load: nearly all they allocate stays, so room to grow
 * would be filled once and never given back. Not for serving: there a small one costs CPU at every request.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Lets the young generation grow as far as the work needs: V8's own default, a factor of 2. */
export function letYoungGenerationGrow(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
}

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
