/** The proxies in C as gates: one worker, no log, as many connections to a dependency as there are seats. */
import type { PeerSetting } from "./peers.ts";

/** Strict priority by the class field; who waits longer than half of the clients' patience is refused. */
export function haproxyGate({ port, places, seats }: PeerSetting): string {
  const backends = places.map(
    ({ origin }, index) => `backend origin${index}
  server origin ${origin.replace("http://", "")} maxconn ${seats}
`,
  );
  const uses = places.map(({ prefix }, index) => `  use_backend origin${index} if { path_beg ${prefix} }`);
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 500ms
  http-reuse always
  option abortonclose
frontend in
  bind 127.0.0.1:${port} backlog 4096
  http-request set-priority-class int(0) if { hdr(x-class) critical }
  http-request set-priority-class int(1) if { hdr(x-class) default }
  http-request set-priority-class int(2) if { hdr(x-class) sheddable }
${uses.join("\n")}
${backends.join("")}`;
}

export function nginxGate({ port, places, seats, folder }: PeerSetting): string {
  const upstreams = places.map(
    ({ origin }, index) => `  upstream origin${index} {
    server ${origin.replace("http://", "")} max_fails=0;
    keepalive 64;
    keepalive_requests 1000000000;
  }
`,
  );
  const locations = places.map(
    ({ prefix }, index) => `    location ${prefix} {
      set $dependency origin${index};
      limit_conn seats ${seats};
      proxy_pass http://origin${index};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
`,
  );
  return `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes 1;
pid ${folder}/nginx-gate.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  keepalive_requests 1000000000;
  limit_conn_zone $dependency zone=seats:1m;
${upstreams.join("")}  server {
    listen 127.0.0.1:${port} backlog=4096;
${locations.join("")}  }
}
`;
}
