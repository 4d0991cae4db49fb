"""A Docker engine, the base image, and the images under test: found, or made."""
import contextlib
import os
import shutil
import subprocess
import tempfile
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BASE = "debian:bookworm-slim"
MIRROR = "http://deb.debian.org/debian"
SOURCES = f"""deb {MIRROR} bookworm main
deb {MIRROR} bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""
# docker-compose 1.29 gives the engine a minute for each answer, which a loaded machine does not keep.
os.environ.setdefault("COMPOSE_HTTP_TIMEOUT", "300")
ENGINE_ERROR = 125  # how docker run ends when it was the engine that failed, not the container


class Unavailable(Exception):
    """Containers cannot run here, whatever the project does."""


def run(*command, seconds=600, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {last}")
    return done.stdout


def succeeds(*command):
    return shutil.which(command[0]) is not None and subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def compose_commands():
    """Those that are here: docker-compose of version 1 (or what a distribution calls so), and the engine's plugin."""
    return [c for c in (["docker-compose"], ["docker", "compose"]) if succeeds(*c, "version")]


def install():
    if shutil.which("docker") and compose_commands() and (succeeds("docker", "info") or shutil.which("dockerd")):
        return
    if subprocess.run([os.path.join(ROOT, "scripts", "setup"), "compose"], stdin=subprocess.DEVNULL).returncode != 0:
        raise Unavailable("there is no Docker, and scripts/setup compose could not install one; its words are above")


@contextlib.contextmanager
def engine(say):
    """One that answers already, or one of our own for as long as this lasts."""
    install()
    if succeeds("docker", "info"):
        yield
        return
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        raise Unavailable("no Docker engine answers, and only root may start one")
    with tempfile.TemporaryDirectory(prefix="fusebox-dockerd-") as folder:
        log_name = os.path.join(folder, "log")
        with open(log_name, "w", encoding="utf-8") as log:
            own = subprocess.Popen(["dockerd", "--pidfile", os.path.join(folder, "pid")], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True)
        try:
            end = time.monotonic() + 60
            while not succeeds("docker", "info"):
                if own.poll() is not None or time.monotonic() > end:
                    with open(log_name, encoding="utf-8") as log:
                        last = (log.read().strip().splitlines() or ["it said nothing"])[-1]
                    raise Unavailable(f"a Docker engine cannot run here: {last}")
                time.sleep(0.2)
            say("started a Docker engine; it ends with this test")
            yield
        finally:
            own.terminate()
            own.wait(60)


def ensure_base(say):
    if succeeds("docker", "image", "inspect", BASE) or succeeds("docker", "pull", "--quiet", BASE):
        return
    if os.geteuid() != 0:
        raise Unavailable(f"{BASE} cannot be pulled, and only root can make one with debootstrap")
    say(f"{BASE} cannot be pulled, so debootstrap makes one; docker rmi {BASE} removes it")
    run(os.path.join(ROOT, "scripts", "setup"), "compose")
    with tempfile.TemporaryDirectory(prefix="fusebox-base-") as folder:
        base = os.path.join(folder, "base")
        run("debootstrap", "--variant=minbase", "bookworm", base, MIRROR, seconds=1200)
        with open(os.path.join(base, "etc/apt/sources.list"), "w", encoding="utf-8") as sources:
            sources.write(SOURCES)
        archive = os.path.join(folder, "base.tar")
        run("tar", "-C", base, "--exclude=./dev/*", "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
            "-cf", archive, ".")
        run("docker", "import", archive, BASE)


def image_of_program(program, tag):
    """The image's last stage with a program that was built outside, for who has just built one."""
    with open(os.path.join(ROOT, "ops/docker/Dockerfile"), encoding="utf-8") as file:
        last = file.read().split("FROM scratch\n")[1]
    with tempfile.TemporaryDirectory(prefix="fusebox-image-") as folder:
        stripped = os.path.join(folder, "fusebox")
        run("strip", "-o", stripped, program)
        run(os.path.join(ROOT, "ops/docker/gather"), stripped, os.path.join(folder, "image"))
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8") as file:
            file.write("FROM scratch\n" + last.replace("--from=build ", ""))
        run("docker", "build", "-t", tag, folder)


def probe(tag):
    done = subprocess.run(["docker", "run", "--rm", tag, "version"], capture_output=True, text=True, timeout=60)
    if done.returncode == ENGINE_ERROR:
        raise Unavailable(f"the engine cannot run a container: {done.stderr.strip()}")
    if done.returncode != 0:
        raise RuntimeError(f"the image's program does not start: {done.stdout}{done.stderr}")


def megabytes(tag):
    return int(run("docker", "image", "inspect", "-f", "{{.Size}}", tag)) / 1e6
