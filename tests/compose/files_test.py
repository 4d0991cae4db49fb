#!/usr/bin/env python3
"""The compose files and the image, read and not run: that they say what the demos' documents do. scripts/test-compose
plays them in containers."""
import functools
import os
import re
import unittest

import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DEMOS = ["chaos", "fault-injection", "health-check", "offers", "orders"]


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


@functools.cache
def compose_file(demo):
    return yaml.safe_load(text_of("demos", demo, "docker-compose.yml"))


def resolved(text, environment):
    """As docker-compose fills it in: ${NAME:-otherwise}."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: environment.get(m[1]) or m[2], text)


class Service:
    def __init__(self, written):
        self.written = written

    def ports(self, **environment):
        return [resolved(p, environment) for p in self.written.get("ports", [])]

    def environment(self, **environment):
        return dict(resolved(line, environment).split("=", 1) for line in self.written.get("environment", []))

    def health_times(self):
        check = self.written["healthcheck"]
        return tuple(check.get(k) for k in ("interval", "timeout", "start_period", "retries"))

    def health_url(self):
        words = self.written["healthcheck"]["test"]
        assert words[:3] == ["CMD", "fusebox", "healthcheck"], words  # no shell is needed
        return words[3]


def services(demo):
    return {name: Service(written) for name, written in compose_file(demo)["services"].items()}


def ours(demo):
    """Those that run fusebox, without the databases and proxies of the profiles."""
    return {name: s for name, s in services(demo).items()
            if s.written["build"].get("dockerfile") == "ops/docker/Dockerfile"}


class HealthCheck(unittest.TestCase):
    """The French exercise."""

    def setUp(self):
        self.file = compose_file("health-check")
        self.services = services("health-check")

    def test_000_D1_names_ports_network_restart_order_environment_and_volume(self):
        wanted = {"service-c": ("database-service", ["5000:5000"], []),
                  "service-b": ("api-gateway", ["5001:5001"], ["service-c"]),
                  "service-a": ("frontend", ["5002:5002"], ["service-b"])}
        for name, (container, ports, after) in wanted.items():
            found = self.services[name]
            self.assertEqual(found.written["container_name"], container)
            self.assertEqual(found.ports(), ports, name)
            self.assertEqual(found.written.get("depends_on", []), after, name)
            self.assertEqual(found.written["networks"], ["microservices-net"], name)
            self.assertEqual(found.written["restart"], "unless-stopped", name)
            self.assertNotIn("profiles", found.written, name)
        self.assertEqual(self.file["networks"], {"microservices-net": {"driver": "bridge"}})
        self.assertIn("app-data", self.file["volumes"])
        self.assertEqual(self.services["service-b"].environment()["SERVICE_C_URL"], "http://service-c:5000")
        self.assertEqual(self.services["service-a"].environment()["SERVICE_B_URL"], "http://service-b:5001")
        without_profile = [n for n, s in self.services.items() if "profiles" not in s.written]
        self.assertEqual(sorted(without_profile), ["service-a", "service-b", "service-c"])

    def test_000_C4_B6_A9_the_health_checks_have_the_documents_times(self):
        self.assertEqual(self.services["service-c"].health_times(), ("30s", "3s", "5s", 3))
        self.assertEqual(self.services["service-b"].health_times(), ("15s", "3s", "10s", 3))
        self.assertEqual(self.services["service-a"].health_times(), ("30s", "3s", None, 3))
        for name, port in (("service-c", 5000), ("service-b", 5001), ("service-a", 5002)):
            self.assertEqual(self.services[name].health_url(), f"http://127.0.0.1:{port}/health")

    def test_000_D2_what_is_built_and_mounted_is_there(self):
        for demo in DEMOS:
            for name, found in services(demo).items():
                build, folder = found.written["build"], os.path.join(ROOT, "demos", demo)
                context = os.path.join(folder, build["context"])
                self.assertTrue(os.path.isfile(os.path.join(context, build["dockerfile"])), f"{demo}: {name}")
                for volume in found.written.get("volumes", []):
                    if volume.startswith("./"):
                        self.assertTrue(os.path.isfile(os.path.join(folder, volume.split(":")[0])), volume)
                    else:
                        self.assertIn(volume.split(":")[0], compose_file(demo)["volumes"])

    def test_000_X4_nginx_stands_before_two_gateways(self):
        for name in ("load-balancer", "service-b-2"):
            self.assertEqual(self.services[name].written["profiles"], ["load-balancer"])
        self.assertEqual(self.services["load-balancer"].ports(), ["8080:8080"])
        self.assertEqual(self.services["load-balancer"].written["depends_on"], ["service-b", "service-b-2"])
        self.assertEqual(self.services["service-b-2"].health_times(), self.services["service-b"].health_times())
        nginx = text_of("demos", "health-check", "nginx.conf")
        upstream = re.search(r"upstream gateways \{(.*?)\}", nginx, re.DOTALL)[1]
        servers = re.findall(r"server (\S+) max_fails=\d+ fail_timeout=\d+s;", upstream)
        self.assertEqual(servers, ["service-b:5001", "service-b-2:5001"])
        self.assertIn("proxy_pass http://gateways;", nginx)
        self.assertIn("proxy_next_upstream error timeout;", nginx)

    def test_000_L1_the_readme_tells_the_kinds_of_health_checks_apart(self):
        readme = text_of("demos", "health-check", "README.md")
        for word in ("*Alive?*", "*Ready?*", "*How are its dependencies?*", "docker-compose up --build"):
            self.assertIn(word, readme)
        for address in ("frontend:5002/health", "api-gateway:5001/ready", "api-gateway:5001/health"):
            self.assertIn(address, readme)


class FaultInjection(unittest.TestCase):
    """The Spanish demo."""

    def test_001_D1_service_a_waits_for_a_healthy_service_b(self):
        found = services("fault-injection")
        self.assertEqual(sorted(found), ["service-a", "service-b"])
        self.assertEqual(found["service-a"].written["depends_on"], {"service-b": {"condition": "service_healthy"}})
        self.assertEqual(found["service-a"].health_times(), ("30s", "10s", None, 3))
        self.assertEqual(found["service-b"].health_times(), ("15s", "5s", None, 3))
        self.assertEqual(found["service-a"].ports(), ["5000:5000"])
        self.assertEqual(found["service-b"].ports(), ["5001:5001"])
        for name, service in found.items():
            self.assertEqual(service.written["networks"], ["app-net"], name)
            self.assertEqual(service.written["restart"], "unless-stopped", name)
        self.assertEqual(compose_file("fault-injection")["networks"], {"app-net": {"driver": "bridge"}})

    def test_001_E1_each_of_the_four_names_is_passed_on_and_none_hides_another(self):
        a = services("fault-injection")["service-a"]
        names = ("CIRCUIT_FAIL_MAX", "CIRCUIT_RESET_TIMEOUT", "CIRCUIT_FAILURE_THRESHOLD", "CIRCUIT_RECOVERY_TIMEOUT")
        for name in names:
            passed = a.environment(**{name: "7"})
            self.assertEqual({n: passed[n] for n in names}, {n: "7" if n == name else "" for n in names})


class Orders(unittest.TestCase):
    """The Vietnamese order service."""

    def test_002_F3_hosts_and_ports_are_the_documents(self):
        found = services("orders")
        ports = {"make-order-service": 8000, "auth-service": 8001, "product-service": 8002, "customer-service": 8003,
                 "cart-service": 8004, "order-service": 8005, "notification-service": 8006}
        for name, port in ports.items():
            self.assertEqual(found[name].ports(), [f"{port}:{port}"])
            self.assertEqual(found[name].health_url(), f"http://127.0.0.1:{port}/health")
        environment = found["make-order-service"].environment()
        for variable, name in (("AUTH_URL", "auth-service"), ("PRODUCT_URL", "product-service"),
                               ("CUSTOMER_URL", "customer-service"), ("CART_URL", "cart-service"),
                               ("ORDER_URL", "order-service"), ("NOTIF_URL", "notification-service")):
            self.assertEqual(environment[variable], f"http://{name}:{ports[name]}")
        self.assertEqual(found["make-order-service"].written["depends_on"],
                         {n: {"condition": "service_healthy"} for n in ports if n != "make-order-service"})

    def test_002_E1_G1_settings_are_passed_on_and_a_preset_loses_to_nothing_that_was_not_set(self):
        make_order = services("orders")["make-order-service"]
        names = ("CB_THRESHOLD", "CB_COOLDOWN_SECONDS", "CB_PRESET", "CB_CONFIG", "COUNT_HTTP_5XX")
        given = {name: f"a value of {name}" for name in names}
        self.assertEqual({n: make_order.environment(**given)[n] for n in names}, given)
        self.assertEqual({n: make_order.environment(CB_PRESET="critical")[n] for n in names},
                         {n: "critical" if n == "CB_PRESET" else "" for n in names})

    def test_002_G2_the_file_of_settings_is_in_the_container(self):
        self.assertIn("./breakers.yaml:/etc/breakers.yaml:ro", services("orders")["make-order-service"].written["volumes"])


class Offers(unittest.TestCase):
    def test_004_health_checks_count_no_failures_and_ask_nobody_for_offers(self):
        for name, port in (("partner-offer-service", 8000), ("offer-service", 8001)):
            self.assertEqual(services("offers")[name].health_url(), f"http://127.0.0.1:{port}/health")

    def test_004_L2_no_language_is_asked_for(self):
        self.assertNotIn("LANGUAGE", services("offers")["offer-service"].environment())


class Chaos(unittest.TestCase):
    def test_003_T3_R1_simulated_and_against_a_real_process(self):
        found = services("chaos")
        self.assertEqual({n: s.written["command"] for n, s in found.items()},
                         {"simulation": "demo chaos", "real": "demo chaos real"})
        for service in found.values():
            self.assertEqual(service.written["restart"], "no")  # they end when they have told
            self.assertEqual(service.environment(CALLS="9")["CALLS"], "9")


class Image(unittest.TestCase):
    def test_all_services_are_hardened_and_made_of_one_image(self):
        for demo in DEMOS:
            for name, found in services(demo).items():
                what = f"{demo}: {name}"
                self.assertTrue(found.written["read_only"], what)
                self.assertEqual(found.written["cap_drop"], ["ALL"], what)
                self.assertEqual(found.written["security_opt"], ["no-new-privileges:true"], what)
            for found in ours(demo).values():
                self.assertEqual(resolved(found.written["image"], {}), "fusebox:local")

    def test_a_health_check_stands_where_it_is_known_what_to_ask(self):
        # In the image it would ask every demo for what only the gateway has.
        self.assertNotIn("HEALTHCHECK", text_of("ops", "docker", "Dockerfile"))
        for demo in DEMOS:
            for name, found in ours(demo).items():
                self.assertEqual("healthcheck" in found.written, demo != "chaos", f"{demo}: {name}")
        gateway = yaml.safe_load(re.search(r"```yaml\n(services:.*?)```", text_of("docs", "docker.md"), re.DOTALL)[1])
        self.assertEqual(Service(gateway["services"]["gateway"]).health_url(), "http://127.0.0.1:9901/readyz")

    def test_published_ports_can_be_moved(self):
        for demo in DEMOS:
            for name, found in services(demo).items():
                for port in found.written.get("ports", []):
                    self.assertRegex(port, r"^\$\{\w+_PORT:-\d+\}:\d+$", f"{demo}: {name}")


if __name__ == "__main__":
    unittest.main()
