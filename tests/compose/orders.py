"""demos/orders: the Vietnamese order service's scenario."""
import json

from report import expect, expect_in, until
from stack import Stack

PORTS = {"MAKE_ORDER_PORT": 8000, "AUTH_PORT": 8001, "PRODUCT_PORT": 8002, "CUSTOMER_PORT": 8003, "CART_PORT": 8004,
         "ORDER_PORT": 8005, "NOTIFICATION_PORT": 8006}
CALLED = [f"{name}-service" for name in ("auth", "product", "customer", "cart", "order", "notification")]
MAKE_ORDER = 8000
COOLDOWN = 8
AT_ONCE = 2  # seconds
ORDER = json.dumps({"customer_id": 1, "items": [{"product_id": 1, "quantity": 1}]})


def place(stack):
    return stack.get(MAKE_ORDER, "/ordering", method="POST", body=ORDER,
                     headers={"Authorization": "Bearer mai-token", "Content-Type": "application/json"})


def circuit(stack, service):
    return stack.get(MAKE_ORDER, "/circuits").json()[service]


def play(report, compose, whole):
    play_sqlite(report, compose, whole)
    if whole:
        play_postgresql(report, compose)


def play_sqlite(report, compose, whole):
    stack = Stack(compose, "orders", PORTS, {"CB_COOLDOWN_SECONDS": str(COOLDOWN)})
    try:
        with report.check("002 docker-compose up starts demos/orders: make-order-service when the other six are healthy"):
            stack.up(whole)
            until(lambda: stack.get(MAKE_ORDER, "/health").status == 200, 30, "make-order-service answers")
            stack.wait_healthy(CALLED, 1)
        with report.check("002 no container has root, a shell, or a file system that can be written"):
            for service in ("make-order-service", *CALLED):
                stack.expect_hardened(service)
        with report.check("002-T1 an order succeeds, and all circuits are closed"):
            answer = place(stack)
            expect((answer.status, answer.json()["status"]), (200, "success"), "an order's answer")
            expect(circuit(stack, "product")["current_state"], "closed", "the product circuit")
        with report.check("002-T2 product-service stopped: three failures open the circuit, the fourth is refused at once"):
            check_trips(stack)
        with report.check("002-L1 docker-compose logs make-order-service has lines with Circuit"):
            log = stack.logs("make-order-service")
            expect_in("Circuit open for product", log, "docker-compose logs make-order-service")
            expect_in("product unreachable", log, "docker-compose logs make-order-service")
        with report.check("002-T3 product-service started: an order succeeds again, and the circuit is closed"):
            stack.compose("start", "product-service")
            until(lambda: place(stack).status == 200, COOLDOWN + 20, "an order succeeds")
            expect(circuit(stack, "product")["current_state"], "closed", "the product circuit")
        with report.check("002-F2 notification-service stopped: an order is kept, with a warning"):
            stack.compose("stop", "notification-service")
            answer = place(stack)
            expect((answer.status, answer.json()["status"]), (200, "success"), "an order's answer")
            expect_in("warning", answer.body, "an order's answer")
        with report.check("002 orders outlive their service's container"):
            check_outlives(stack)
    finally:
        with report.check("002 docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def play_postgresql(report, compose):
    stack = Stack(compose, "orders", PORTS, {"DATABASE_URL": "postgresql://shop:shop@postgres/shop"}, ["postgresql"])
    try:
        with report.check("002 --profile postgresql: orders are kept in PostgreSQL"):
            stack.compose("up", "-d", "--build", "postgres")
            stack.wait_healthy(["postgres"], 60)
            stack.compose("up", "-d")
            until(lambda: place(stack).status == 200, 60, "an order succeeds")
            check_outlives(stack)
    finally:
        with report.check("002 --profile postgresql: docker-compose down -v leaves nothing"):
            stack.down()
            stack.expect_nothing_left()


def check_trips(stack):
    stack.compose("stop", "product-service")
    for n in range(3):
        answer = place(stack)
        expect(answer.status, 502, f"failing order {n + 1}")
        expect_in("product unreachable", answer.json()["detail"], f"failing order {n + 1}")
    expect(circuit(stack, "product")["current_state"], "open", "the product circuit")
    answer = place(stack)
    expect(answer.status, 503, "the fourth order")
    expect_in("Circuit open for product", answer.json()["detail"], "the fourth order")
    expect(answer.seconds < AT_ONCE, True, f"refused at once (it took {answer.seconds:.1f} s)")


def check_outlives(stack):
    number = place(stack).json()["order"]["id"]
    stack.compose("rm", "-sf", "order-service")
    stack.compose("up", "-d", "order-service")
    until(lambda: stack.get(8005, "/health").status == 200, 20, "the new order-service answers")
    expect(stack.get(8005, f"/orders/{number}").json()["customer_id"], 1, "the order in the new container")
