import { hash } from "node:crypto";
import { clientKey } from "../core/address.ts";
import type { Exchange } from "../core/exchange.ts";
import { joinedHeader } from "../core/headers.ts";
import type { KeyPart } from "./settings.ts";

/** Characters of a part beyond which its SHA-256 stands for it. */
const LONGEST = 128;

/**
 * What a request is counted under. It may hold an API key: it is hashed for whatever outlives the request, and never
 * shown.
 */
export function compileKey(by: KeyPart | readonly KeyPart[]): (exchange: Exchange) => string {
  const parts = [by].flat().map(partOf);
  if (parts.length === 1) return parts[0]!;
  return (exchange) => parts.map((part) => part(exchange)).join("\n");
}

function partOf(part: KeyPart): (exchange: Exchange) => string {
  if (part === "client") return clientOf;
  if (part === "tenant") return ({ tenant }) => `t${short(tenant)}`;
  if (part === "route") return ({ route }) => `r${route.name}`;
  const name = part.header.toLowerCase();
  return (exchange) => {
    const value = joinedHeader(exchange.headers, name);
    return value === undefined || value === "" ? clientOf(exchange) : `h${short(value)}`;
  };
}

const clientOf = ({ client }: Exchange): string => `c${clientKey(client.address)}`;

const short = (text: string): string => (text.length > LONGEST ? hash("sha256", text, "base64url") : text);
