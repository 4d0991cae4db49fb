"""One demo's containers, driven as a reader of its document drives them: with docker-compose."""
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from engine import ROOT, run
from report import expect, until

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    def __init__(self, status, body, headers, seconds):
        self.status = status
        self.body = body
        self.headers = headers
        self.seconds = seconds

    def json(self):
        return json.loads(self.body)


def ask(url, method="GET", headers=None, body=None, seconds=30):
    request = urllib.request.Request(url, method=method, headers=headers or {},
                                     data=body.encode() if body is not None else None)
    began = time.monotonic()
    try:
        with DIRECT.open(request, timeout=seconds) as answer:
            status, text, kept = answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as answer:
        status, text, kept = answer.code, answer.read().decode(), answer.headers
    return Answer(status, text, kept, time.monotonic() - began)


def free_ports(how_many):
    held = [socket.socket() for _ in range(how_many)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Stack:
    """`ports` maps the variables of the compose file that move a published port to the port inside."""

    def __init__(self, compose, demo, ports, variables, profiles=()):
        self._project = f"fusebox-test-{demo}"
        self._command = [*compose, "-p", self._project, *[w for p in profiles for w in ("--profile", p)]]
        self._folder = os.path.join(ROOT, "demos", demo)
        chosen = dict(zip(ports, map(str, free_ports(len(ports)))))
        self._ports = {inside: chosen[name] for name, inside in ports.items()}
        self._environment = {**os.environ, **variables, **chosen}

    def compose(self, *words, seconds=600):
        return run(*self._command, *words, seconds=seconds, cwd=self._folder, env=self._environment)

    def up(self, building):
        self.compose("up", "-d", *(["--build"] if building else []), seconds=3600)

    def url(self, port_inside, path):
        return f"http://127.0.0.1:{self._ports[port_inside]}{path}"

    def get(self, port_inside, path, **more):
        return ask(self.url(port_inside, path), **more)

    def logs(self, service):
        return self.compose("logs", "--no-color", service)

    def output(self, service):
        """The same lines, of the engine: quicker, where a circuit's time runs meanwhile."""
        return run("docker", "logs", self.container(service)["Id"])

    def pause(self, service):
        run("docker", "pause", self.container(service)["Id"])

    def unpause(self, service):
        run("docker", "unpause", self.container(service)["Id"])

    def follow_logs(self):
        return subprocess.Popen([*self._command, "logs", "--no-color", "-f"], cwd=self._folder, env=self._environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def container(self, service):
        """All that docker inspect knows of it."""
        label = "label=com.docker.compose."
        name = run("docker", "ps", "-aq", "--filter", f"{label}project={self._project}", "--filter",
                   f"{label}service={service}").strip()
        return json.loads(run("docker", "inspect", name))[0]

    def wait_healthy(self, services, seconds):
        for service in services:
            until(lambda s=service: self.container(s)["State"]["Health"]["Status"] == "healthy", seconds,
                  f"{service} is healthy")

    def expect_health_check(self, service, interval, timeout, start, retries):
        check = self.container(service)["Config"]["Healthcheck"]
        times = [check.get(k, 0) // 10**9 for k in ("Interval", "Timeout", "StartPeriod")]
        expect([*times, check["Retries"]], [interval, timeout, start, retries], f"the health check of {service}")
        expect(check["Test"][:3], ["CMD", "fusebox", "healthcheck"], "what it runs")

    def expect_hardened(self, service):
        found = self.container(service)
        host = found["HostConfig"]
        expect(host["ReadonlyRootfs"], True, f"{service}: its file system is read-only")
        expect(host["CapDrop"], ["ALL"], f"{service}: capabilities taken away")
        expect([o for o in host["SecurityOpt"] if "no-new-privileges" in o] != [], True, f"{service}: no new privileges")
        expect(bool(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", found["Config"]["User"])), True, f"{service}: a user, not root")
        shell = subprocess.run(["docker", "exec", found["Id"], "sh", "-c", "true"], capture_output=True, text=True)
        expect(shell.returncode != 0, True, f"{service}: there is no shell")

    def expect_quick_stop(self, service):
        began = time.monotonic()
        self.compose("stop", service)
        expect(time.monotonic() - began < 8, True, f"{service} stopped before it had to be killed")
        expect(self.container(service)["State"]["ExitCode"], 0, f"how {service} ended")

    def down(self):
        self.compose("down", "-v", "--remove-orphans")

    def expect_nothing_left(self):
        label = f"label=com.docker.compose.project={self._project}"
        for kind in (["container", "ls", "-aq"], ["network", "ls", "-q"], ["volume", "ls", "-q"]):
            expect(run("docker", *kind, "--filter", label).split(), [], f"docker {kind[0]} ls after down -v")
