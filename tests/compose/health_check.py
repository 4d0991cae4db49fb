"""demos/health-check: the French exercise's scenario, and its two profiles."""
import re
import time

from report import expect, expect_in, until
from stack import Stack

PORTS = {"DATABASE_PORT": 5000, "API_GATEWAY_PORT": 5001, "FRONTEND_PORT": 5002}
PROFILE_PORTS = {"PROMETHEUS_PORT": 9090, "LOAD_BALANCER_PORT": 8080}
CONTAINERS = {"service-c": "database-service", "service-b": "api-gateway", "service-a": "frontend"}
DATABASE, GATEWAY, FRONTEND = 5000, 5001, 5002
RECOVERY = 8
AT_ONCE = 2  # seconds; a call that reached a paused gateway would take ten
FRENCH = {"Accept-Language": "fr"}


def click(stack):
    return stack.get(FRONTEND, "/test-api", headers=FRENCH)


def state(stack):
    return stack.get(FRONTEND, "/health").json()["circuit_breaker"]["state"]


def play(report, compose, whole):
    names = ("metrics", "load-balancer") if whole else ()
    ports = PORTS | (PROFILE_PORTS if whole else {})
    stack = Stack(compose, "health-check", ports, {
        "HEALTH_FAIL_RATE": "0", "DATA_FAIL_RATE": "0", "CIRCUIT_RECOVERY_TIMEOUT": str(RECOVERY)}, names)
    try:
        with report.check("000-D2 docker-compose up starts the three services of demos/health-check"):
            stack.up(whole)
            for port in PORTS.values():
                until(lambda p=port: stack.get(p, "/health").status == 200, 20, f"{port}/health answers")
        with report.check("000-D1 services, container names, ports, network, restart, environment and volume"):
            check_layout(stack)
        with report.check("000-C4, B6, A9 the health checks have the document's times"):
            stack.expect_health_check("service-c", 30, 3, 5, 3)
            stack.expect_health_check("service-b", 15, 3, 10, 3)
            stack.expect_health_check("service-a", 30, 3, 0, 3)
        with report.check("000 no container has root, a shell, or a file system that can be written"):
            for service in CONTAINERS:
                stack.expect_hardened(service)
        with report.check("000-T1 clicks on Tester API succeed, and the circuit stays closed"):
            check_closed(stack)
        with report.check("000-T2, T4 service-c stopped: three failures open the circuit, and calls then fail at once"):
            check_trips(stack)
        with report.check("000-T3, T4 service-c started: a trial call closes the circuit"):
            check_heals(stack)
        with report.check("000-D2 docker-compose logs and logs -f tell of the circuit's way"):
            check_logs(stack)
        with report.check("000-D2, C4 docker-compose ps shows all three healthy"):
            stack.wait_healthy(CONTAINERS, 60)
            expect(stack.compose("ps").count("(healthy)") >= 3, True, "three are healthy in docker-compose ps")
        if whole:
            play_profiles(report, stack)
        with report.check("000 SIGTERM ends a service at once"):
            stack.expect_quick_stop("service-a")
    finally:
        with report.check("000 docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def check_layout(stack):
    for service, name in CONTAINERS.items():
        found = stack.container(service)
        expect(found["Name"], "/" + name, f"the container of {service}")
        expect(found["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped", f"the restart policy of {service}")
        networks = found["NetworkSettings"]["Networks"]
        expect([n.endswith("microservices-net") for n in networks], [True], f"the networks of {service}")
    environment = {s: stack.container(s)["Config"]["Env"] for s in CONTAINERS}
    expect_in("SERVICE_B_URL=http://service-b:5001", environment["service-a"], "the environment of service-a")
    expect_in("SERVICE_C_URL=http://service-c:5000", environment["service-b"], "the environment of service-b")
    written = stack.compose("config")
    expect_in("app-data:", written, "docker-compose config")
    expect_in("driver: bridge", written, "docker-compose config")


def check_closed(stack):
    for _ in range(4):
        answer = click(stack)
        expect_in("Succès", answer.body, "the page after a click")
        expect_in("Item 1", answer.body, "the page after a click")
    page = stack.get(FRONTEND, "/", headers=FRENCH)
    expect_in("CLOSED", page.body, "the dashboard")


def check_trips(stack):
    stack.compose("stop", "service-c")
    for n in range(3):
        expect(state(stack), "closed", f"the circuit before failure {n + 1}")
        expect_in("HTTP 50", click(stack).body, "the page after a call that failed")
    expect(state(stack), "open", "the circuit after three failures")
    stack.pause("service-b")  # a call that reached it would now hang
    try:
        for _ in range(3):
            answer = click(stack)
            expect_in("Circuit breaker is OPEN", answer.body, "the page after a call that was refused")
            expect(answer.seconds < AT_ONCE, True, f"refused at once (it took {answer.seconds:.1f} s)")
    finally:
        stack.unpause("service-b")
    health = stack.get(GATEWAY, "/health")
    expect(health.status, 503, "the gateway's health without a database")
    expect_in("unreachable", health.json()["dependencies"]["service-c"], "what the gateway says of the database")
    expect(stack.get(GATEWAY, "/ready").status, 503, "the gateway's readiness without a database")
    expect(stack.get(FRONTEND, "/health").status, 200, "the frontend's health, whatever the circuit")


def check_heals(stack):
    stack.compose("start", "service-c")
    until(lambda: stack.get(DATABASE, "/health").status == 200, 20, "the database answers")
    until(lambda: "Succès" in click(stack).body, RECOVERY + 10, "a trial call succeeds")
    expect(state(stack), "closed", "the circuit after the trial call")
    expect(stack.get(GATEWAY, "/health").json()["status"], "healthy", "the gateway's health")


def check_logs(stack):
    for way in ("CLOSED → OPEN", "OPEN → HALF_OPEN", "HALF_OPEN → CLOSED"):
        expect_in(way, stack.logs("service-a"), "docker-compose logs service-a")
    following = stack.follow_logs()
    try:
        wanted = re.compile("frontend .*CLOSED → OPEN")
        end = time.monotonic() + 10
        while time.monotonic() < end and not wanted.search(following.stdout.readline()):
            pass
        expect(time.monotonic() < end, True, "docker-compose logs -f came to the line")
    finally:
        following.terminate()
        following.communicate()


def play_profiles(report, stack):
    def value_of(query):
        found = stack.get(9090, "/api/v1/query?query=" + query).json()["data"]["result"]
        return found[0]["value"][1] if found else None

    with report.check("000-X1 --profile metrics: Prometheus has the circuit's state"):
        until(lambda: value_of("circuit_breaker_state") == "0", 60, "Prometheus knows that the circuit is closed")
        expect(value_of('up{job="health-check"}'), "1", "Prometheus finds its target up")
    with report.check("000-X4 --profile load-balancer: nginx spreads calls, and goes on when a gateway is gone"):
        def through():
            answer = stack.get(8080, "/health")
            return answer.headers["X-Upstream"].split(", ")[-1] if answer.status == 200 else None

        until(through, 20, "nginx answers")
        expect(len({through() for _ in range(20)}), 2, "gateways that answered")
        stack.compose("stop", "service-b-2")
        expect(len({through() for _ in range(20)} - {None}), 1, "gateways that answered after one was stopped")
        expect([through() is not None for _ in range(20)], [True] * 20, "answers after one was stopped")
        stack.compose("start", "service-b-2")
        until(lambda: len({through() for _ in range(4)}) == 2, 30, "the gateway that came back is asked again")
