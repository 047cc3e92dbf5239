/** The upstream and all contenders of a run, up at the same time so that slices can alternate between them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, DIRECT } from "./contenders.ts";
import { type Running, freePort, start } from "./launch.ts";
import type { Cores } from "./machine.ts";

export interface Field {
  running: Running[];
  /** Contenders that do not run here, and why. */
  absent: { name: string; reason: string }[];
  /** Temporary, for what a run writes; gone after {@link Field.close}. */
  folder: string;
  close(): Promise<void>;
}

export async function openField(
  contenders: readonly Contender[],
  { size, cores, origin = "upstream.ts" }: { size: number; cores: Cores; origin?: string },
): Promise<Field> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-bench-"));
  const upstream = await startUpstream(origin, size, cores.others, folder);
  const field: Field = {
    running: [],
    absent: [],
    folder,
    async close() {
      await Promise.all(field.running.map((one) => one.stop()));
      await upstream.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const contender of contenders) {
    if (contender.name === DIRECT) {
      field.running.push({ ...upstream, name: DIRECT, stop: () => Promise.resolve() });
      continue;
    }
    const port = await freePort();
    const launch = contender.launch({ port, upstream: upstream.port, size, folder });
    if (typeof launch === "string") {
      field.absent.push({ name: contender.name, reason: launch });
      continue;
    }
    try {
      field.running.push(await start(contender.name, launch, { port, cores: cores.contender, folder }));
    } catch (error) {
      field.absent.push({ name: contender.name, reason: (error as Error).message });
    }
  }
  return field;
}

async function startUpstream(script: string, size: number, cores: string, folder: string): Promise<Running> {
  const port = await freePort();
  const file = fileURLToPath(new URL(script, import.meta.url));
  const command = [process.execPath, file, String(port), String(size)];
  return start("upstream", { command }, { port, cores, folder });
}
