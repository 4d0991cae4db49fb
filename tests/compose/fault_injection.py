"""demos/fault-injection: the Spanish demo's scenario, by its buttons."""
from report import expect, expect_in, until
from stack import Stack

PORTS = {"SERVICE_A_PORT": 5000, "SERVICE_B_PORT": 5001}
A, B = 5000, 5001
RESET = 8
AT_ONCE = 1  # seconds; a call that reached a slow service would take two at least


def call(stack):
    return stack.get(A, "/call-service-b")


def press(stack, button):
    """The page's button; service A answers with the page, which it has passed the press on to service B for."""
    expect(stack.get(A, f"/service-b/{button}", method="POST", body="").status, 200, f"the page after {button}")


def expect_state(stack, wanted, failures):
    found = stack.get(A, "/circuit-status").json()
    expect((found["state"], found["failure_count"]), (wanted, failures), "what /circuit-status says")


def requests_of_b(stack):
    return stack.output("service-b").count("Service B /data called.")


def expect_failures_open_it(stack):
    for n in range(3):
        expect_state(stack, "closed", n)
        expect(call(stack).status, 502, f"failing call {n + 1}")
    expect_state(stack, "open", 3)


def answer_to_trial(stack):
    answer = call(stack)
    return answer if answer.status != 503 else None


def expect_trial_closes_it(stack):
    answer = until(lambda: answer_to_trial(stack), RESET + 10, "a trial call goes through")
    expect((answer.status, answer.json()["circuit_state"]), (200, "closed"), "the trial call's answer")
    expect_state(stack, "closed", 0)


def play(report, compose, whole):
    stack = Stack(compose, "fault-injection", PORTS, {
        "CIRCUIT_RESET_TIMEOUT": str(RESET), "LATENCY_MIN": "4", "LATENCY_MAX": "5"})
    try:
        with report.check("001-D1 docker-compose up starts service-b, and service-a when that is healthy"):
            stack.up(whole)
            for port in PORTS.values():
                until(lambda p=port: stack.get(p, "/health").status == 200, 30, f"{port}/health answers")
            healthy_b = stack.container("service-b")["State"]["Health"]["Log"][0]["End"]
            expect(stack.container("service-a")["State"]["StartedAt"] > healthy_b[:19], True, "service-a came second")
        with report.check("001-D1 the health checks have the document's times, and the network its name"):
            stack.expect_health_check("service-a", 30, 10, 0, 3)
            stack.expect_health_check("service-b", 15, 5, 0, 3)
            networks = stack.container("service-a")["NetworkSettings"]["Networks"]
            expect([n.endswith("app-net") for n in networks], [True], "the networks of service-a")
        with report.check("001 no container has root, a shell, or a file system that can be written"):
            for service in ("service-a", "service-b"):
                stack.expect_hardened(service)
        with report.check("001-T1 a call succeeds while the circuit is closed"):
            answer = call(stack)
            expect((answer.status, answer.json()["circuit_state"]), (200, "closed"), "a call's answer")
        with report.check("001-T2, T7 service B made to fail: three calls open the circuit"):
            press(stack, "induce-failure")
            expect_failures_open_it(stack)
        with report.check("001-T3 further calls fail at once, none reaches service B, as its log shows"):
            check_fails_fast(stack)
        with report.check("001-T4 service B made healthy: calls are refused until the time is over"):
            press(stack, "remove-failure")
            expect(call(stack).status, 503, "a call before the time is over")
        with report.check("001-T5 a trial call then closes the circuit"):
            expect_trial_closes_it(stack)
        with report.check("001-T3 docker-compose logs tells what service A refused"):
            expect_in("Service A: CircuitBreakerError:", stack.logs("service-a"), "docker-compose logs service-a")
        with report.check("001-T5 a trial call that fails opens it again"):
            check_trial_fails(stack)
        with report.check("001-T6 a service B that is too slow counts as failing, and heals when it is fast"):
            check_slow(stack)
        with report.check("001-D1 docker-compose ps shows both healthy"):
            stack.wait_healthy(("service-b", "service-a"), 60)
            expect(stack.compose("ps").count("(healthy)"), 2, "healthy services in docker-compose ps")
    finally:
        with report.check("001-D1 docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def check_fails_fast(stack):
    before = requests_of_b(stack)
    for _ in range(3):
        answer = call(stack)
        expect((answer.status, answer.json()["circuit_state"]), (503, "open"), "a refused call's answer")
        expect(answer.seconds < AT_ONCE, True, f"refused at once (it took {answer.seconds:.1f} s)")
    expect(requests_of_b(stack), before, "requests in the log of service B")


def check_trial_fails(stack):
    press(stack, "induce-failure")
    expect_failures_open_it(stack)
    expect(until(lambda: answer_to_trial(stack), RESET + 10, "a trial call goes through").status, 502, "the trial call")
    expect_state(stack, "open", 4)
    expect(call(stack).status, 503, "the call after it")
    press(stack, "remove-failure")
    expect_trial_closes_it(stack)


def check_slow(stack):
    press(stack, "induce-latency")
    expect_failures_open_it(stack)
    press(stack, "remove-latency")
    expect_trial_closes_it(stack)
