/** The floor: node:http in front of {@link forwarder}. Arguments: PORT, UPSTREAM. */
import { createServer } from "node:http";
import { forwarder } from "./forward.ts";

createServer({ optimizeEmptyRequests: true }, forwarder(process.argv[3] ?? "")).listen(
  Number(process.argv[2]),
  "127.0.0.1",
);
