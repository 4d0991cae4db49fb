"""demos/chaos: the course's figures, told in the logs by two containers that end by themselves."""
from report import expect, expect_in, until
from stack import Stack

REAL_TIMEOUT = 0.6


def play(report, compose, whole):
    stack = Stack(compose, "chaos", {}, {"CALLS": "20", "REAL_TIMEOUT": str(REAL_TIMEOUT)})
    try:
        with report.check("003 docker-compose up starts both forms of demos/chaos"):
            stack.up(whole)
        with report.check("003 no container has root, a shell, or a file system that can be written"):
            expect_hardened(stack)
        with report.check("003-R1 the simulation tells of 9000 callers blocked without a breaker, and ends"):
            expect_told(stack, "simulation", 60)
            log = stack.logs("simulation")
            expect(line_of(log, "most blocked at once")[0], "9000", "blocked without a breaker")
            expect_in("\"total_calls\":20", log, "docker-compose logs simulation")
        with report.check("003-R1, T3 against a real process the figures are told, and both processes end"):
            expect_told(stack, "real", 180)
            log = stack.logs("real")
            expect(line_of(log, "amplification")[0], "27.00", "the amplification without a budget")
            expect_in("Circuit breaker: CLOSED → OPEN (5 failures)", log, "docker-compose logs real")
    finally:
        with report.check("003 docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def expect_hardened(stack):
    for service in ("simulation", "real"):
        host = stack.container(service)["HostConfig"]
        expect((host["ReadonlyRootfs"], host["CapDrop"]), (True, ["ALL"]), f"{service}: what it may do")


def expect_told(stack, service, seconds):
    until(lambda: stack.container(service)["State"]["Status"] == "exited", seconds, f"{service} has ended")
    expect(stack.container(service)["State"]["ExitCode"], 0, f"how {service} ended")


def line_of(log, what):
    return log[log.index(what) + len(what):].split()
