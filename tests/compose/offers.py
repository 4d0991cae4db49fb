"""demos/offers: the Portuguese service's scenario. Its document has no containers; these are ours."""
from report import expect, expect_in, until
from stack import Stack

PORTS = {"PARTNER_OFFER_PORT": 8000, "OFFER_PORT": 8001}
PARTNER, OFFERS = 8000, 8001
RESET = 8


def offer(stack):
    answer = stack.get(OFFERS, "/offer")
    expect(answer.status, 200, "the status of an offer, whatever happens")
    return answer.json()


def circuit(stack):
    found = stack.get(OFFERS, "/offer/circuit").json()
    return found["current_state"], found["fail_counter"]


def requests_in_log(stack):
    return stack.output("offer-service").count("HTTP Request: GET")


def play(report, compose, whole):
    stack = Stack(compose, "offers", PORTS, {
        "RESET_TIMEOUT": str(RESET), "PARTNER_LATENCY": "0", "HTTPX_LOG_LEVEL": "debug"})
    try:
        with report.check("004 docker-compose up starts both services of demos/offers"):
            stack.up(whole)
            until(lambda: circuit(stack) == ("closed", 0), 20, "the offer service answers")
            until(lambda: stack.get(PARTNER, "/offer/hot").status == 200, 20, "the partner answers")
        with report.check("004 no container has root, a shell, or a file system that can be written"):
            for service in ("partner-offer-service", "offer-service"):
                stack.expect_hardened(service)
        with report.check("004-T1 an offer is hot"):
            expect_in("Hot offer", offer(stack), "an offer")
        with report.check("004-T2, T3 a broken partner: cold offers, and the circuit opens at the third failure"):
            check_trips(stack)
        with report.check("004-T4 while it is open no request reaches the partner"):
            before = requests_in_log(stack)
            expect_in("Cold offer", offer(stack), "an offer while the circuit is open")
            expect(requests_in_log(stack), before, "requests in the log")
        with report.check("004-T5, L2 a trial call that fails: half-open, then open again, as the log says"):
            half_open = "Quando o estado do circuito mudou (half-open)."
            until(lambda: "Cold" in offer(stack) and half_open in stack.output("offer-service"), RESET + 10, half_open)
            log = stack.logs("offer-service")
            expect_in("Quando o estado do circuito mudou (open).", log[log.index(half_open):], "the log after half-open")
        with report.check("004-T6 the partner mended: a trial call closes the circuit, and offers are hot again"):
            stack.get(PARTNER, "/offer/status/200", method="POST", body="")
            until(lambda: "Hot offer" in offer(stack), RESET + 10, "a trial call succeeds")
            expect(circuit(stack), ("closed", 0), "the circuit")
        with report.check("004 docker-compose ps shows both healthy"):
            stack.wait_healthy(("partner-offer-service", "offer-service"), 60)
    finally:
        with report.check("004 docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def check_trips(stack):
    stack.get(PARTNER, "/offer/status/500", method="POST", body="")
    for failures, state in ((1, "closed"), (2, "closed"), (3, "open")):
        expect_in("Cold offer", offer(stack), "an offer of a broken partner")
        expect(circuit(stack), (state, failures), "the circuit")
