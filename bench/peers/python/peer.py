"""pybreaker's side of the comparison in ../run, which says how the two talk."""

import importlib.metadata
import platform
import sys
import threading
import time

import pybreaker


def work(x):
    return x


# Pybreaker counts failures in a row, and has no window; half of a window of a hundred is the nearest.
closed = pybreaker.CircuitBreaker(fail_max=50, reset_timeout=86_400)
opened = pybreaker.CircuitBreaker(fail_max=50, reset_timeout=86_400)
opened.open()


def bare(n):
    reached = 0
    for _ in range(n):
        reached += work(1)
    return reached


def call(n):
    reached = 0
    for _ in range(n):
        reached += closed.call(work, 1)
    return reached


def refusal(n):
    reached = 0
    for _ in range(n):
        try:
            reached += opened.call(work, 1)
        except pybreaker.CircuitBreakerError:
            pass
    return reached


# Each makes n calls, and returns how many reached the operation; then threads, and whether calls reach it.
ROWS = {}
for name, batch, reaches in [("bare", bare, True), ("count call", call, True), ("count refusal", refusal, False)]:
    ROWS[name] = (batch, 1, reaches)
    ROWS[name + " @8"] = (batch, 8, reaches)
calls = dict.fromkeys(ROWS, 1000)


def measure(name):
    """CPU ns per call, of all threads of the process."""
    batch, threads, reaches = ROWS[name]
    n = calls[name]
    before = time.process_time_ns()
    if threads == 1:
        if batch(n) != (n if reaches else 0):
            raise RuntimeError(name + " did not do its work")
    else:
        workers = [threading.Thread(target=batch, args=(n // threads,)) for _ in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
    return (time.process_time_ns() - before) / n


for row in ROWS:  # until a batch takes a tenth of a second
    while measure(row) * calls[row] < 1e8:
        calls[row] *= 2
print(f"ready pybreaker {importlib.metadata.version('pybreaker')}, Python {platform.python_version()}", flush=True)
for line in sys.stdin:
    print(measure(line.strip()) if line.strip() in ROWS else -1.0, flush=True)
