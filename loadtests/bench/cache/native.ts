/** Caches in C as their own manuals set them up for serving stale: one worker, no log, all they can do for a herd switched on. */
import type { Setting } from "../contenders.ts";

export function nginxCache({ port, upstream, folder }: Setting): string {
  // A worker of root's would be nobody, and could not write into our folder.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;
worker_processes 1;
pid ${folder}/nginx-cache.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-cache-body;
  proxy_temp_path ${folder}/nginx-cache-temp;
  fastcgi_temp_path ${folder}/nginx-cache-fastcgi;
  uwsgi_temp_path ${folder}/nginx-cache-uwsgi;
  scgi_temp_path ${folder}/nginx-cache-scgi;
  keepalive_requests 1000000000;
  proxy_cache_path ${folder}/nginx-cache-store keys_zone=kept:16m;
  upstream origin {
    server 127.0.0.1:${upstream} max_fails=0;
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache kept;
      proxy_cache_lock on;
      proxy_cache_background_update on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
      proxy_read_timeout 4s;
    }
  }
}
`;
}

/** Grace is what the origin says in stale-if-error, as far as VCL can read it: an hour. */
export function varnishCache({ upstream }: Setting): string {
  return `vcl 4.1;
backend origin {
  .host = "127.0.0.1";
  .port = "${upstream}";
  .first_byte_timeout = 4s;
}
sub vcl_backend_response {
  if (beresp.status >= 500 && bereq.is_bgfetch) { return (abandon); }
  set beresp.grace = 1h;
}
`;
}

export function haproxyCache({ port, upstream }: Setting): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
cache kept
  total-max-size 64
  max-object-size 1048576
  max-age 600
frontend in
  bind 127.0.0.1:${port}
  http-request cache-use kept
  http-response cache-store kept
  default_backend origin
backend origin
  server origin 127.0.0.1:${upstream}
`;
}
