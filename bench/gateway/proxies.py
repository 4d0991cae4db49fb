"""The proxies that are compared, each with a configuration of its own, and the origin behind them.

All forward every path to one origin on loopback, keep connections on both sides alive, run one thread that serves,
and write no access log. "Tuned" gives nginx and HAProxy the large buffers that help them with large bodies.
"""

import os
import re
import shutil
import socket
import subprocess
import time

PROXY_CPU, LOAD_CPU = 0, 1
MANY_CONNECTIONS = 9500  # of HAProxy, which wants two descriptors for each; a small machine has 20 000

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit; worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {http}
}}
"""

NGINX_PROXY = """
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; {extra} }} }}
"""

HAPROXY = """
global
  maxconn {many}
  nbthread 1
  {extra}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server one 127.0.0.1:{origin}
"""

FUSEBOX = """
listen: "127.0.0.1:{port}"
access_log: none
admin: {{ listen: "127.0.0.1:{admin}" }}
upstreams:
  origin: {{ endpoints: ["127.0.0.1:{origin}"] }}
routes:
{routes}
"""
ONE_ROUTE = "  - { match: { path_prefix: / }, upstream: origin, bulkhead: { max_concurrent: 1000 } }"


def many_routes(count):
    return "\n".join(f"  - {{ match: {{ path_prefix: /{i}/ }}, upstream: origin, "
                     f"circuit_breaker: {{ scope: route }} }}" for i in range(count))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process that listens on `port`, pinned to one processor, in a folder of its own."""

    def __init__(self, name, command, port, cpu, folder):
        self.name, self.port = name, port
        self.log = os.path.join(folder, "output")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["taskset", "-c", str(cpu), *command], stdout=log, stderr=log)

    def wait_until_it_answers(self):
        """Seconds until the first whole head of a response."""
        begin = time.monotonic()
        while time.monotonic() < begin + 60:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended at its start:\n{open(self.log).read()}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                    s.sendall(b"GET /0/small HTTP/1.1\r\nHost: bench.example\r\n\r\n")
                    if b"\r\n\r\n" in s.recv(4096):
                        return time.monotonic() - begin
            except OSError:
                pass
            time.sleep(0.0005)
        raise SystemExit(f"{self.name} does not answer on port {self.port}")

    def processes(self):
        """The process and its children, whose costs belong to it."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [self.process.pid, *map(int, open(children).read().split())]

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond."""
        total = 0
        for pid in self.processes():
            for task in os.listdir(f"/proc/{pid}/task"):
                total += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
        return total / 1e9

    def anonymous_bytes(self):
        total = 0
        for pid in self.processes():
            total += int(re.search(r"^Anonymous:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.M)[1])
        return total * 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def written(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def nginx(name, http, port, cpu, folder):
    path = written(folder, "nginx.conf", NGINX.format(folder=folder, http=http))
    return Server(name, [shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", path, "-p", folder], port, cpu, folder)


def start_origin(folder):
    """nginx again, which serves two files: it is the same for all."""
    for size, name in (1024, "small"), (100 * 1024, "large"):
        for prefix in "", "0":
            os.makedirs(os.path.join(folder, "files", prefix), exist_ok=True)
            with open(os.path.join(folder, "files", prefix, name), "wb") as f:
                f.write(b"x" * size)
    port = free_port()
    site = (f"sendfile on; tcp_nopush on; open_file_cache max=10; server {{ listen 127.0.0.1:{port} backlog=4096; "
            f"root {folder}/files; rewrite ^/[0-9]+/(.*)$ /$1 break; }}")
    origin = nginx("origin", site, port, LOAD_CPU, folder)
    origin.wait_until_it_answers()
    return origin


def start_proxy(kind, origin, folder, program):
    """One of KINDS, in front of `origin`. Does not wait until it answers."""
    folder = os.path.join(folder, kind.replace(" ", "-"))
    port = free_port()
    if kind.startswith("nginx"):
        extra = "proxy_buffer_size 16k; proxy_buffers 8 128k; proxy_busy_buffers_size 256k;" if "tuned" in kind else ""
        return nginx(kind, NGINX_PROXY.format(origin=origin.port, port=port, extra=extra), port, PROXY_CPU, folder)
    if kind.startswith("HAProxy"):
        text = HAPROXY.format(many=MANY_CONNECTIONS, origin=origin.port, port=port,
                              extra="tune.bufsize 131072" if "tuned" in kind else "")
        path = written(folder, "haproxy.cfg", text)
        command = [shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-f", path, "-db"]
        return Server(kind, command, port, PROXY_CPU, folder)
    count = int(kind.removeprefix("Fusebox ").split()[0]) if kind != "Fusebox" else 0
    text = FUSEBOX.format(port=port, admin=free_port(), origin=origin.port,
                          routes=many_routes(count) if count else ONE_ROUTE)
    path = written(folder, "fusebox.yaml", text)
    return Server(kind, [program, "gateway", "-c", path, "--workers", "1"], port, PROXY_CPU, folder)


KINDS = ["Fusebox", "nginx", "nginx tuned", "HAProxy", "HAProxy tuned"]
