import { createServer } from "node:net";
import { objectSource } from "../config/source.ts";
import { systemClock, systemRandom } from "../core/clock.ts";
import { demoConfiguration } from "../demo/configuration.ts";
import { listenNear } from "../demo/listen-near.ts";
import { startLoad } from "../demo/load.ts";
import { startOrigin } from "../demo/origin.ts";
import { noPositional, type Command, type Io } from "./command.ts";
import { serveUntilSignalled, startGateway } from "./serve.ts";

/** Where the demo likes to be, and how many ports on from there it will look. */
const WANTED = { gateway: 8080, ops: 9901, origin: 9100 };
const TRIES = 50;
const HOST = "127.0.0.1";

/** A port that is free now: `wanted` or one of the next. Says so when it is not `wanted`. */
async function freePort(wanted: number, what: string, io: Io): Promise<number> {
  const probe = createServer();
  const port = await listenNear(probe, HOST, wanted, TRIES);
  await new Promise((resolve) => probe.close(resolve));
  tellMoved(wanted, port, what, io);
  return port;
}

function tellMoved(wanted: number, port: number, what: string, io: Io): void {
  if (port !== wanted) io.stderr.write(`port ${wanted} is taken: the ${what} takes ${port}\n`);
}

/** Runs the demo until it is interrupted: origin, gateway, ops listener and gentle load, all on loopback. */
export async function runDemo(io: Io): Promise<number> {
  const origin = await startOrigin({ clock: systemClock, random: systemRandom, host: HOST, port: WANTED.origin });
  tellMoved(WANTED.origin, origin.port, "demo origin", io);
  try {
    const gateway = await freePort(WANTED.gateway, "gateway", io);
    const ops = await freePort(WANTED.ops, "ops listener", io);
    const source = objectSource(demoConfiguration({ gateway, ops }, origin.url));
    const running = await startGateway(source, io);
    const url = `http://${HOST}:${running.port}`;
    const load = startLoad({ clock: systemClock, random: systemRandom, url });
    io.stdout.write(banner(url, `http://${HOST}:${running.opsPort}`, origin.url));
    try {
      return await serveUntilSignalled(running, io);
    } finally {
      await load.stop();
    }
  } finally {
    await origin.close();
  }
}

const banner = (gateway: string, ops: string, origin: string): string => `
  Spillway demo
    gateway      ${gateway}
    ops          ${ops}   (/readyz, /metrics, /ops/config)
    demo origin  ${origin}   (faults: PUT /faults)

  Try    curl -i ${gateway}/api/products/7
  Break  curl -X PUT ${origin}/faults -H 'content-type: application/json' -d '{"errorRate":0.3}'
  Heal   curl -X DELETE ${origin}/faults

  20 requests a second are on their way. Ctrl-C ends all of it.

`;

export const demo: Command = {
  name: "demo",
  summary: "a product API with faults to switch on, the gateway in front, gentle load",
  usage: "",
  options: {},
  run(args, io) {
    noPositional(args);
    return runDemo(io);
  },
};
