"""What came of the checks, one line each, from scenarios that run side by side."""
import contextlib
import threading
import time


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def check(self, what):
        """The block's end is a success; what it raises is a failure, told and not passed on."""
        try:
            yield
        except Exception as why:  # whatever went wrong, the other checks go on
            self._tell(f"FAILED  {what}: {why or type(why).__name__}")
            with self._lock:
                self.failed += 1
        else:
            self._tell(f"ok      {what}")
            with self._lock:
                self.passed += 1

    def note(self, text):
        self._tell(f"        {text}")

    def _tell(self, line):
        with self._lock:
            print(f"{time.monotonic() - self._began:6.1f} s  {line}", flush=True)


def expect(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


def expect_in(wanted, text, what):
    if wanted not in text:
        raise AssertionError(f"{what} does not have {wanted!r}: {text[-600:]!r}")


def until(true, seconds, what):
    """Asks again and again; containers have no clock that a test could set."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):  # not listening yet
            if found := true():
                return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
