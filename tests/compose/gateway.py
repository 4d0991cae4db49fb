"""The gateway alone, by docker run, before a service in another container."""
import contextlib
import json
import os
import tempfile
import time

from engine import run
from report import expect, expect_in, until
from stack import ask, free_ports

NETWORK = ORIGIN = "fusebox-test-gateway-origin"
GATEWAY = "fusebox-test-gateway"
CONFIGURATION = f"""listen: ":8080"
upstreams:
  origin: {{ endpoints: ["{ORIGIN}:5000"] }}
policies:
  circuit_breaker:
    three: {{ consecutive_failures: 3, open_for: 30s }}
routes:
  - match: {{ path_prefix: / }}
    upstream: origin
    retry: none
    circuit_breaker: three
"""
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")


def play(report, compose, whole):
    image = os.environ["FUSEBOX_IMAGE"]
    port = free_ports(1)[0]
    with tempfile.TemporaryDirectory(prefix="fusebox-gateway-") as folder:
        file = os.path.join(folder, "fusebox.yaml")
        with open(file, "w", encoding="utf-8") as text:
            text.write(CONFIGURATION)
        os.chmod(folder, 0o755)  # the container's user is another
        remove()
        try:
            with report.check("docker run: the gateway serves a configuration, hardened"):
                run("docker", "network", "create", NETWORK)
                run("docker", "run", "-d", "--name", ORIGIN, "--network", NETWORK, *HARDENED, "-e", "HEALTH_FAIL_RATE=0",
                    image, "demo", "health-check", "database", "--bind", "0.0.0.0")
                run("docker", "run", "-d", "--name", GATEWAY, "--network", NETWORK, *HARDENED, "-p",
                    f"127.0.0.1:{port}:8080", "-v", f"{file}:/etc/fusebox.yaml:ro",
                    image, "gateway", "-c", "/etc/fusebox.yaml")
                until(lambda: ask(f"http://127.0.0.1:{port}/health").status == 200, 20, "the gateway answers")
            with report.check("docker exec: the program is its own health check, without a shell"):
                run("docker", "exec", GATEWAY, "fusebox", "healthcheck", "http://127.0.0.1:9901/readyz")
            with report.check("docker run: the image judges nobody by an address that he may not have"):
                for name in (GATEWAY, ORIGIN):
                    expect("Health" in state(name), False, f"{name} has a health check by the image")
            with report.check("docker run: three failures open the circuit, and the gateway says when to come back"):
                check_trips(f"http://127.0.0.1:{port}/health")
            with report.check("docker stop drains the gateway and ends it in time"):
                began = time.monotonic()
                run("docker", "stop", "-t", "10", GATEWAY)
                expect(time.monotonic() - began < 8, True, "it ended before it had to be killed")
                expect(state()["ExitCode"], 0, "how it ended")
        finally:
            remove()


def state(name=GATEWAY):
    return json.loads(run("docker", "inspect", name))[0]["State"]


def check_trips(url):
    run("docker", "stop", ORIGIN)
    for n in range(3):
        expect(ask(url).status in (502, 504), True, f"failure {n + 1} is the origin's")
    answer = ask(url)
    expect(answer.status, 503, "the answer of an open circuit")
    expect_in("OPEN", answer.headers["Proxy-Status"], "Proxy-Status")
    expect(int(answer.headers["Retry-After"]) > 0, True, "Retry-After")


def remove():
    for what in (["rm", "-f", GATEWAY], ["rm", "-f", ORIGIN], ["network", "rm", NETWORK]):
        with contextlib.suppress(RuntimeError):  # not there
            run("docker", *what)
