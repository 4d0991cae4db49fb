"""A gateway as a real process, an origin behind it, and requests to both of its ports."""
import http.client
import http.server
import re
import signal
import socket
import subprocess
import threading

LIMIT = 60  # seconds, for whatever must come; a test that waits so long has failed


class Origin:
    """Answers GET / with "hello", and /slow once `go` is set; `asked` is set when that has come."""

    def __init__(self):
        self.asked, self.go = threading.Event(), threading.Event()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path == "/slow":
                    origin.asked.set()
                    origin.go.wait(LIMIT)
                body = b"hello"
                self.send_response(503 if self.path == "/ill" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # those who asked may be gone
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


def ask(port, path="/", method="GET", host="127.0.0.1", **headers):
    """Status, headers and body."""
    connection = http.client.HTTPConnection(host, port, timeout=LIMIT)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Served:
    """`fusebox` with these arguments, once it listens; `ports` are those it names, the admin port's is the last.
    With `descriptors`, a pair, those limits: soft and hard."""

    def __init__(self, command, *arguments, file="", descriptors=None):
        words = [command, *arguments]
        if descriptors:  # by a shell: code that runs between fork and exec may hang where there are threads
            soft, hard = descriptors
            words = ["sh", "-c", f'ulimit -S -n {soft} && ulimit -H -n {hard} && exec "$@"', "sh", *words]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        self.process.stdin.write(file)
        self.process.stdin.close()
        self.said, self.ports = [], []
        while not any("admin port on" in line for line in self.said):
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError(f"ended with {self.process.wait(LIMIT)}: {''.join(self.said)}")
            self.said.append(line)
            self.ports += [int(port) for port in re.findall(r"^fusebox: (?:listening|admin port) on .*:(\d+)$", line)]

    @property
    def port(self):
        return self.ports[0]

    @property
    def admin(self):
        return self.ports[-1]

    def drain(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Ends it, and returns what it ended with; what else it said is in `said`."""
        if self.process.poll() is None:
            self.drain()
        self.said += self.process.stderr.readlines()
        return self.process.wait(LIMIT)


def taken_port():
    """A socket that listens, and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]
