"""`fusebox gateway` as a process among others: signals, and logs that nobody reads or that cannot grow."""
import os
import resource
import signal
import sys
import tempfile
import threading
import unittest

import serving
from serving import ask

FUSEBOX = sys.argv.pop(1)
del sys.argv[1:]


class Process(unittest.TestCase):
    def setUp(self):
        self.origin = serving.Origin()
        self.addCleanup(self.origin.close)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = os.path.join(self.folder.name, "access.log")

    def gateway(self, access_log="none"):
        file = (f'listen: "127.0.0.1:0"\nadmin: "127.0.0.1:0"\naccess_log: "{access_log}"\n'
                f'upstreams: {{ orders: {{ endpoints: ["127.0.0.1:{self.origin.port}"] }} }}\n'
                "routes: [{ name: all, upstream: orders }]\n")
        served = serving.Served(FUSEBOX, "gateway", "-c", "-", file=file)
        self.addCleanup(served.process.wait)
        self.addCleanup(served.process.stderr.close)
        self.addCleanup(served.process.kill)
        return served

    def wait_until(self, come):
        ends = threading.Event()
        timer = threading.Timer(serving.LIMIT, ends.set)
        timer.start()
        self.addCleanup(timer.cancel)
        while not come():
            self.assertFalse(ends.is_set(), "it did not come")

    def lines(self):
        try:
            with open(self.log) as log:
                return log.readlines()
        except FileNotFoundError:
            return []

    def drains_although(self, gateway):
        """With a request in flight, which gets its answer."""
        answers = []
        client = threading.Thread(target=lambda: answers.append(ask(gateway.port, "/slow")))
        client.start()
        self.assertTrue(self.origin.asked.wait(serving.LIMIT))
        gateway.drain()
        self.wait_until(lambda: ask(gateway.admin, "/readyz")[0] == 503)
        self.origin.go.set()
        client.join(serving.LIMIT)
        self.assertEqual(answers[0][::2], (200, "hello"))
        self.assertEqual(gateway.process.wait(serving.LIMIT), 0)


class Signals(Process):
    def test_those_that_mean_something_else_elsewhere_do_not_end_it(self):
        gateway = self.gateway()
        for each in [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ]:
            gateway.process.send_signal(each)
            self.assertEqual(ask(gateway.port)[0], 200, each)
        self.assertEqual(gateway.end(), 0)
        self.assertIn("SIGHUP", "".join(gateway.said))

    def test_sigint_and_sigquit_drain_as_sigterm_does(self):
        for each in [signal.SIGINT, signal.SIGQUIT]:
            gateway = self.gateway()
            gateway.process.send_signal(each)
            self.assertEqual(gateway.process.wait(serving.LIMIT), 0, each)

    def test_sigusr1_goes_on_in_the_file_that_has_the_log_s_name(self):
        gateway = self.gateway(self.log)
        ask(gateway.port)
        self.wait_until(self.lines)
        os.rename(self.log, self.log + ".1")
        gateway.process.send_signal(signal.SIGUSR1)
        self.wait_until(lambda: os.path.exists(self.log))
        ask(gateway.port, "/after")
        self.wait_until(self.lines)
        self.assertIn("/after", self.lines()[0])


class Logs(Process):
    def test_it_drains_although_nobody_reads_its_messages_any_more(self):
        gateway = self.gateway()
        gateway.process.stderr.close()
        self.drains_although(gateway)

    def test_it_drains_although_the_pipe_of_its_messages_is_full(self):
        gateway = self.gateway()
        pipe = os.open(f"/proc/{gateway.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, pipe)
        for size in [4096, 1]:
            try:
                while True:
                    os.write(pipe, b"x" * size)
            except BlockingIOError:
                pass
        self.drains_although(gateway)

    def test_it_serves_although_its_log_may_not_grow(self):
        gateway = self.gateway(self.log)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        for _ in range(20):
            self.assertEqual(ask(gateway.port)[0], 200)
        self.wait_until(lambda: 'lines_total{result="dropped"} 0' not in ask(gateway.admin, "/metrics")[2])
        self.drains_although(gateway)

    def test_it_starts_although_nobody_reads_the_fifo_that_is_its_log(self):
        os.mkfifo(self.log)
        gateway = self.gateway(self.log)
        self.assertEqual(ask(gateway.port, "/first")[0], 200)
        with open(self.log) as fifo:
            self.assertIn("/first", fifo.readline())
        self.assertEqual(gateway.end(), 0)


if __name__ == "__main__":
    unittest.main()
