import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalUrl } from "../../../src/routing/canonical-url.ts";

test("a URL is as a request for it is seen: host in lower case, no port of the scheme's own, one spelling of the path", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["http://shop.example/a?b=C", "http://shop.example/a?b=C"],
    ["HTTP://SHOP.example:80/a", "http://shop.example/a"],
    ["https://shop.example:443", "https://shop.example/"],
    ["https://shop.example:8443?q", "https://shop.example:8443/?q"],
    ["http://shop.example/%61//b", "http://shop.example/a/b"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
    ["http://shop.example/a#b", undefined],
    ["http://user@shop.example/", undefined],
    ["ftp://shop.example/", undefined],
    ["/a", undefined],
    ["", undefined],
  ];
  for (const [url, expected] of rows) assert.equal(canonicalUrl(url), expected, url);
});
