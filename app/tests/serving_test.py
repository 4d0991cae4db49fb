"""`fusebox gateway`, `fusebox proxy` and `fusebox healthcheck` as real processes."""
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

import serving
from serving import ask

FUSEBOX = sys.argv.pop(1)
del sys.argv[1:]


def fusebox(*arguments, stdin=""):
    return subprocess.run([FUSEBOX, *arguments], input=stdin, capture_output=True, text=True, timeout=serving.LIMIT)


def configuration(to, listen='"127.0.0.1:0"', admin='"127.0.0.1:0"', more=""):
    return (f"listen: {listen}\nadmin: {admin}\naccess_log: none\n"
            f"upstreams: {{ orders: {{ endpoints: [\"{to}\"] }} }}\n"
            f"routes: [{{ name: all, upstream: orders }}]\n{more}")


class Serving(unittest.TestCase):
    def setUp(self):
        self.origin = serving.Origin()
        self.addCleanup(self.origin.close)

    def gateway(self, *arguments, **how):
        descriptors = how.pop("descriptors", None)
        file = configuration(how.pop("to", f"127.0.0.1:{self.origin.port}"), **how)
        return self.serve("gateway", "-c", "-", *arguments, file=file, descriptors=descriptors)

    def serve(self, *arguments, **how):
        served = serving.Served(FUSEBOX, *arguments, **how)
        self.addCleanup(served.process.wait)
        self.addCleanup(served.process.stderr.close)
        self.addCleanup(served.process.kill)
        return served


class Start(Serving):
    def test_proxy_needs_no_file(self):
        proxy = self.serve("proxy", "--listen", "127.0.0.1:0", "--to", f"http://127.0.0.1:{self.origin.port}", "--admin",
                           "127.0.0.1:0")
        self.assertEqual(ask(proxy.port)[::2], (200, "hello"))
        self.assertEqual(proxy.end(), 0)

    def test_gateway_serves_a_file(self):
        gateway = self.gateway("--workers", "2")
        self.assertEqual(ask(gateway.port)[::2], (200, "hello"))
        self.assertEqual(gateway.end(), 0)

    def test_listens_on_localhost_and_on_several_addresses(self):
        gateway = self.gateway("--workers", "2", listen='["localhost:0", ":0"]', admin='"localhost:0"')
        self.assertEqual(len(set(gateway.ports)), 3)
        for port in gateway.ports[:2]:
            self.assertEqual(ask(port)[::2], (200, "hello"))
        self.assertEqual(ask(gateway.admin, "/livez")[0], 200)

    def test_names_the_port_that_is_taken_and_the_cure(self):
        listener, port = serving.taken_port()
        with listener:
            for key, cure in [("listen", "by `listen:` or --listen"), ("admin", "by `admin:` or --admin")]:
                file = configuration("127.0.0.1:1", **{key: f'"127.0.0.1:{port}"'})
                for workers in ["1", "2"]:
                    run = fusebox("gateway", "-c", "-", "--workers", workers, stdin=file)
                    self.assertEqual(run.returncode, 1, run.stderr)
                    self.assertIn(f"cannot listen on 127.0.0.1:{port}: Address already in use", run.stderr)
                    self.assertIn(cure, run.stderr)

    def test_refuses_what_check_refuses_in_the_same_words(self):
        file = configuration("127.0.0.1:1", listen='"gateway.local:80"')
        run = fusebox("gateway", "-c", "-", stdin=file)
        self.assertEqual(run.returncode, 3)
        self.assertIn("stdin:1:9: error: listen: ", run.stderr)
        self.assertEqual(fusebox("check", "-q", "-", stdin=file).stderr.splitlines()[0], run.stderr.splitlines()[0])

    def test_serves_although_a_name_is_not_found(self):
        name = "x" * 64  # a label longer than there can be, which no resolver is asked for
        gateway = self.gateway(to=f"{name}:80")
        status, fields, _ = ask(gateway.port)
        self.assertEqual(status, 502)
        self.assertIn("error=dns_error", fields["Proxy-Status"])
        self.assertEqual(ask(gateway.admin, "/livez")[0], 200)
        self.assertEqual(gateway.end(), 0)
        self.assertIn(f"warning: the name of endpoint {name}:80 is not found; it is looked up again\n",
                      "".join(gateway.said))


class AdminPort(Serving):
    def test_answers_probes(self):
        admin = self.gateway().admin
        self.assertEqual(ask(admin, "/livez")[::2], (200, "ok\n"))
        self.assertEqual(ask(admin, "/livez?verbose")[::2], (200, "[+]loop ok\nlivez check passed\n"))
        self.assertEqual(ask(admin, "/readyz")[::2], (200, "ok\n"))
        self.assertEqual(ask(admin, "/readyz?verbose")[::2], (200, "[+]serving ok\nreadyz check passed\n"))
        self.assertEqual(ask(admin, "/nothing")[0], 404)

    def test_shows_metrics(self):
        gateway = self.gateway()
        ask(gateway.port)
        status, fields, body = ask(gateway.admin, "/metrics")
        self.assertEqual((status, fields["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertRegex(body, r'(?m)^fusebox_tries_total\{route="all"\} 1$')

    def test_is_for_reading(self):
        status, fields, _ = ask(self.gateway().admin, "/livez", "POST")
        self.assertEqual((status, fields["Allow"]), (405, "GET, HEAD"))

    def test_refuses_names_that_somebody_else_may_have_given_it(self):
        admin = self.gateway().admin
        self.assertEqual(ask(admin, "/metrics", Host="attacker.example")[0], 421)
        for host in ["localhost:1", "127.0.0.1", "[::1]:9901"]:
            self.assertEqual(ask(admin, "/metrics", Host=host)[0], 200, host)

    def test_asks_for_the_token_where_others_can_ask(self):
        gateway = self.gateway(admin='{ listen: "0.0.0.0:0", token: "s3cret" }')
        for path in ["/metrics", "/api/v1/snapshot", "/nothing"]:
            for wrong in [{}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Bearer s3cret2"},
                          {"Authorization": "s3cret"}, {"Authorization": "Basic s3cret"}, {"Authorization": "Bearer "}]:
                status, fields, body = ask(gateway.admin, path, **wrong)
                self.assertEqual((status, fields["WWW-Authenticate"]), (401, 'Bearer realm="fusebox"'), wrong)
                self.assertNotIn("s3cret", body)
        for name in ["gateway:9901", "localhost", "10.1.2.3"]:
            for scheme in ["Bearer", "bearer"]:
                self.assertEqual(ask(gateway.admin, "/metrics", Host=name, Authorization=f"{scheme} s3cret")[0], 200)
        for path in ["/livez", "/readyz"]:
            self.assertEqual(ask(gateway.admin, path, Host="gateway:9901")[0], 200)
        gateway.end()
        self.assertIn("the admin port asks for its token", "".join(gateway.said))

    def test_pages_of_other_sites_may_not_ask(self):
        admin = self.gateway().admin
        for other in [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "null"},
                      {"Origin": "http://attacker.example"}, {"Sec_Fetch_Site": "none", "Origin": "https://a.example"}]:
            self.assertEqual(ask(admin, "/metrics", **other)[0], 403, other)
        for own in [{"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}, {"Origin": f"http://127.0.0.1:{admin}"}]:
            self.assertEqual(ask(admin, "/metrics", **own)[0], 200, own)

    def test_every_answer_says_what_browsers_must_not_do_with_it(self):
        admin = self.gateway().admin
        for path, method in [("/livez", "GET"), ("/metrics", "GET"), ("/nothing", "GET"), ("/livez", "POST")]:
            fields = ask(admin, path, method)[1]
            for name in ["Cache-Control", "X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy",
                         "Referrer-Policy"]:
                self.assertIn(name, fields, path)

    def test_who_guesses_tokens_is_not_listened_to_for_a_while(self):
        admin = self.gateway(admin='{ listen: "0.0.0.0:0", token: "s3cret" }').admin
        answers = [ask(admin, "/metrics", Authorization=f"Bearer guess{n}")[0] for n in range(12)]
        self.assertEqual(answers, [401] * 10 + [429] * 2)
        status, fields, _ = ask(admin, "/metrics", Authorization="Bearer s3cret")
        self.assertEqual(status, 429)
        self.assertLessEqual(int(fields["Retry-After"]), 60)
        self.assertEqual(ask(admin, "/metrics")[0], 401)
        self.assertEqual(ask(admin, "/livez")[0], 200)

    def test_answers_while_silent_connections_hold_it(self):
        admin = self.gateway().admin
        silent = [socket.create_connection(("127.0.0.1", admin), serving.LIMIT) for _ in range(400)]
        for connection in silent:
            self.addCleanup(connection.close)
        self.assertEqual(ask(admin, "/readyz")[0], 200)

    def test_a_token_on_loopback_stands_for_any_name(self):
        admin = self.gateway(admin='{ listen: "127.0.0.1:0", token: "s3cret" }').admin
        self.assertEqual(ask(admin, "/metrics")[0], 200)
        self.assertEqual(ask(admin, "/metrics", Host="gateway:9901")[0], 421)
        self.assertEqual(ask(admin, "/metrics", Host="gateway:9901", Authorization="Bearer s3cret")[0], 200)


class End(Serving):
    def test_sigterm_lets_a_request_in_flight_finish(self):
        gateway = self.gateway("--workers", "3")
        answers = []
        client = threading.Thread(target=lambda: answers.append(ask(gateway.port, "/slow")))
        client.start()
        self.assertTrue(self.origin.asked.wait(serving.LIMIT))
        gateway.drain()
        self.assertIn("draining", gateway.process.stderr.readline())
        while ask(gateway.admin, "/readyz")[0] != 503:
            pass
        self.assertEqual(ask(gateway.admin, "/readyz?verbose")[2],
                         "[-]serving failed: draining\nreadyz check failed\n")
        self.assertEqual(ask(gateway.admin, "/livez")[0], 200)
        self.origin.go.set()
        client.join(serving.LIMIT)
        status, fields, body = answers[0]
        self.assertEqual((status, body, fields["Connection"]), (200, "hello", "close"))
        self.assertEqual(gateway.process.wait(serving.LIMIT), 0)


class Descriptors(Serving):
    def test_takes_as_many_as_it_may_have(self):
        gateway = self.gateway(descriptors=(128, 512))
        with open(f"/proc/{gateway.process.pid}/limits") as limits:
            self.assertRegex(limits.read(), r"(?m)^Max open files +512 +512 ")

    @staticmethod
    def answer_on(connection):
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return connection.recv(9)
        except OSError:
            return b""

    def test_the_admin_port_answers_while_the_data_port_is_flooded(self):
        gateway = self.gateway("--workers", "1", descriptors=(128, 128))  # which lets them in in their order
        flood = [socket.create_connection(("127.0.0.1", gateway.port), serving.LIMIT) for _ in range(300)]
        try:
            for _ in range(20):
                self.assertEqual(ask(gateway.admin, "/livez")[0], 200)
            answers = [self.answer_on(c) for c in flood]  # who is in wants a way to the origin, too
            self.assertGreater(answers.count(b"HTTP/1.1 "), 40)
            self.assertGreater(answers.count(b""), 100, "the others are told")
            body = ask(gateway.admin, "/metrics")[2]
            self.assertGreater(int(re.search(r"(?m)^fusebox_connections_shed_total (\d+)$", body)[1]), 100)
        finally:
            for c in flood:
                c.close()
        while True:  # as soon as their ends are seen
            try:
                if ask(gateway.port)[::2] == (200, "hello"):
                    break
            except OSError:
                pass
        self.assertEqual(gateway.end(), 0)


class Healthcheck(Serving):
    def url(self, path):
        return f"http://127.0.0.1:{self.origin.port}{path}"

    def test_ends_with_0_or_1_only(self):
        self.assertEqual(fusebox("healthcheck", self.url("/")).returncode, 0)
        self.assertEqual(fusebox("healthcheck", f"http://localhost:{self.origin.port}/").returncode, 0)
        listener, port = serving.taken_port()
        listener.close()
        for arguments, why in [((self.url("/ill"),), "status 503"), ((f"http://127.0.0.1:{port}/",), "refused"),
                               (("https://127.0.0.1/",), "is no URL to ask"), (("nonsense",), "is no URL to ask"),
                               ((f"http://{'x' * 64}/",), "is not found"), ((), "URL is required"),
                               ((self.url("/"), "--timeout", "none"), "--timeout")]:
            run = fusebox("healthcheck", *arguments)
            self.assertEqual(run.returncode, 1, (arguments, run.stderr))
            self.assertIn(why, run.stderr)

    def test_gives_up_in_time(self):
        run = fusebox("healthcheck", "--timeout", "0.05", self.url("/slow"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("no answer in time", run.stderr)


unittest.main()
