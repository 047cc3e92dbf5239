/** What stands before every call: name, origin, token, role, patience. Writes the audit of who was turned away. */
import type { IncomingMessage } from "node:http";
import { unmapAddress } from "../core/address.ts";
import type { Audit } from "./audit.ts";
import { judge, type Access, type Actor, type Judgement, type Policy, type TurnedAwayReason } from "./auth.ts";
import type { Lockout } from "./lockout.ts";
import { problem, type Problem } from "./problem.ts";

export interface Gate {
  /** Decides by the head. */
  enter(req: IncomingMessage, id: string, call: string, access: Access): Passed;
  /** The body was not signed as it should be: counts like a wrong token. */
  unsigned(req: IncomingMessage, id: string, call: string): Problem;
}

export type Passed =
  | { readonly kind: "admitted"; readonly actor: Actor | undefined }
  | { readonly kind: "turned-away"; readonly problem: Problem };

export function createGate(policy: Policy, lockout: Lockout, audit: Audit): Gate {
  const turnAway = (
    req: IncomingMessage,
    id: string,
    call: string,
    reason: TurnedAwayReason | "locked-out",
    actor?: Actor,
  ): Problem => {
    const address = peerOf(req);
    if (reason === "wrong-token" || reason === "signature") lockout.failed(address);
    const answer = problemOf(reason, lockout.waitMs(address));
    audit({
      id,
      actor: actor?.name ?? "-",
      fingerprint: actor?.fingerprint ?? "-",
      address,
      call,
      outcome: "turned-away",
      status: answer.status,
      reason,
    });
    return answer;
  };
  return {
    enter(req, id, call, access) {
      const address = peerOf(req);
      const judgement = decide(req, address, access, policy);
      // Judged before it is looked at whether the address is locked out: both take the same work.
      const waitMs = access === "open" ? 0 : lockout.waitMs(address);
      if (judgement.kind === "admitted" && waitMs === 0) return judgement;
      const reason = waitMs > 0 ? "locked-out" : judgement.kind === "turned-away" ? judgement.reason : "no-credentials";
      // Under a lock nobody is told, or logged, as recognised.
      const actor = reason === "locked-out" ? undefined : judgement.actor;
      return { kind: "turned-away", problem: turnAway(req, id, call, reason, actor) };
    },
    unsigned: (req, id, call) => turnAway(req, id, call, "signature"),
  };
}

export const peerOf = (req: IncomingMessage): string => unmapAddress(req.socket.remoteAddress ?? "");

function decide(req: IncomingMessage, peer: string, access: Access, policy: Policy): Judgement {
  const { host, authorization, origin, "sec-fetch-site": site } = req.headers;
  const { localAddress = "", localPort = 0 } = req.socket;
  return judge(
    {
      host,
      authorization,
      origin,
      secFetchSite: Array.isArray(site) ? site.join() : site,
      peer,
      local: { address: unmapAddress(localAddress), port: localPort },
    },
    access,
    policy,
  );
}

function problemOf(reason: TurnedAwayReason | "locked-out", waitMs: number): Problem {
  switch (reason) {
    case "host":
      return problem(421, "This listener is not called by that Host: use its address, or add the name to ops.hosts");
    case "cross-site":
      return problem(403, "Calls from web pages of other origins are refused");
    case "not-loopback":
      return problem(403, "Without ops.tokens only this machine may call");
    case "no-credentials":
      return problem(401, "Send Authorization: Bearer with a token of ops.tokens", challenge);
    case "wrong-token":
      return problem(401, "The token is not one of ops.tokens", challenge);
    case "signature":
      return problem(401, "Spillway-Signature is not that of this body with cache.webhook.secret, or is too old");
    case "role":
      return problem(403, "The token's role does not allow this call");
    case "locked-out":
      return problem(429, "Too many wrong tokens from this address", {
        "Retry-After": String(Math.ceil(waitMs / 1000)),
      });
  }
}

const challenge = { "WWW-Authenticate": 'Bearer realm="spillway-ops"' };
