/** What the demo serves with: the routes of the demo origin, a plain object as the library takes it. */
export function demoConfiguration(ports: { gateway: number; ops: number }, originUrl: string): object {
  return {
    listen: { host: "127.0.0.1", port: ports.gateway, accessLog: { sample: 0 } },
    ops: { host: "127.0.0.1", port: ports.ops },
    drain: { delay: "0ms", timeout: "2s" },
    dependencies: { shop: { http: { targets: [originUrl] }, timeout: "2s" } },
    routes: [
      {
        name: "products",
        match: { path: "/api/products/*", methods: ["GET"] },
        dependency: "shop",
        cache: { ttl: "5s", staleWhileRevalidate: "30s", staleIfError: "1h" },
      },
      { name: "search", match: { path: "/api/search", methods: ["GET"] }, dependency: "shop", priority: "sheddable" },
      { name: "report", match: { path: "/api/report", methods: ["GET"] }, dependency: "shop", priority: "bulk" },
      { name: "cart", match: { path: "/api/cart" }, dependency: "shop", priority: "critical" },
      { name: "me", match: { path: "/api/me", methods: ["GET"] }, dependency: "shop", priority: "critical" },
      { name: "events", match: { path: "/api/events", methods: ["GET"] }, dependency: "shop" },
      { name: "shop", match: { path: "/*" }, dependency: "shop" },
    ],
  };
}
