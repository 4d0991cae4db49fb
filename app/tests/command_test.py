"""The command `fusebox` as a script sees it: exit codes, and what goes to which stream."""
import os
import re
import subprocess
import sys
import unittest

FUSEBOX, FILES = sys.argv.pop(1), sys.argv.pop(1)
DOCUMENTATION = f"{FILES}/../../../../docs/configuration.md"
MINIMAL = f"{FILES}/good/minimal.yaml"


def fusebox(*arguments, stdin="", environment=None):
    return subprocess.run([FUSEBOX, *arguments], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(environment or {})})


class Check(unittest.TestCase):
    def test_prints_the_effective_configuration_of_a_good_file(self):
        run = fusebox("check", MINIMAL)
        self.assertEqual(run.returncode, 0)
        self.assertIn("listen: [\":8080\"]  # ", run.stdout)
        self.assertIn("      per_try: 3s  # default\n", run.stdout)
        self.assertIn(f"{MINIMAL}:6:5: warning: routes[0]: has no fallback", run.stderr)

    def test_ends_with_4_when_strict_and_there_are_warnings(self):
        run = fusebox("check", "--strict", "--quiet", MINIMAL)
        self.assertEqual((run.returncode, run.stdout), (4, ""))
        self.assertIn("1 warning, which --strict takes for a failure.\n", run.stderr)

    def test_ends_with_3_when_the_file_is_bad_and_prints_nothing_else(self):
        run = fusebox("check", f"{FILES}/bad/unknown_keys.yaml")
        self.assertEqual((run.returncode, run.stdout), (3, ""))
        self.assertIn("did you mean \"upstreams\"?", run.stderr)

    def test_ends_with_1_when_there_is_no_such_file(self):
        run = fusebox("check", "/nonexistent/fusebox.yaml")
        self.assertEqual(run.returncode, 1)
        self.assertIn("cannot read /nonexistent/fusebox.yaml: No such file", run.stderr)
        self.assertEqual(fusebox("check", "/").returncode, 1)

    def test_reads_the_standard_input(self):
        with open(MINIMAL) as file:
            run = fusebox("check", "-", stdin=file.read())
        self.assertEqual(run.returncode, 0)
        self.assertIn("# stdin:1\n", run.stdout)

    def test_reads_the_environment(self):
        run = fusebox("check", "-q", f"{FILES}/good/environment.yaml",
                      environment={"FUSEBOX_TEST_UPSTREAM": "elsewhere"})
        self.assertEqual(run.returncode, 3)
        self.assertIn("there is no upstream \"elsewhere\"", run.stderr)


class CommandLine(unittest.TestCase):
    def test_ends_with_2_when_it_is_used_wrongly(self):
        for arguments in [(), ("chekc",), ("check",), ("check", "--strct", MINIMAL), ("schema", "a")]:
            run = fusebox(*arguments)
            self.assertEqual((run.returncode, run.stdout), (2, ""), arguments)
            self.assertIn("--help", run.stderr)

    def test_shows_examples_before_anything_else(self):
        for arguments in [("--help",), ("check", "-h"), ("schema", "--help")]:
            run = fusebox(*arguments)
            self.assertEqual((run.returncode, run.stderr), (0, ""), arguments)
            self.assertTrue(run.stdout.startswith("Examples:\n  fusebox "), run.stdout)

    def test_tells_its_version(self):
        self.assertRegex(fusebox("version").stdout, r"^fusebox \d+\.\d+\.\d+\n$")
        self.assertEqual(fusebox("version").stdout, fusebox("--version").stdout)

    def test_fails_when_nobody_takes_its_output(self):
        with open("/dev/full", "w") as full:
            run = subprocess.run([FUSEBOX, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertIn("cannot write", run.stderr)


class Documentation(unittest.TestCase):
    """Every piece of YAML in the documentation is valid, with the least around it that makes a file of it."""

    LISTEN = 'listen: ":8080"\n'
    UPSTREAMS = ("upstreams: { orders: { endpoints: [\"h:1\"] }, auth: { endpoints: [\"h:2\"] }, "
                 "read_only_copy: { endpoints: [\"h:3\"] } }\n")
    ROUTES = "routes:\n  - upstream: orders\n"

    def test_has_valid_examples_only(self):
        with open(DOCUMENTATION) as page:
            pieces = re.findall(r"```yaml\n(.*?)```", page.read(), re.DOTALL)
        self.assertGreater(len(pieces), 8)
        for piece in pieces:
            if piece.startswith(" "):
                piece = self.ROUTES + piece
            for key, rest in [("listen:", self.LISTEN), ("upstreams:", self.UPSTREAMS), ("routes:", self.ROUTES)]:
                piece += "" if re.search(f"^{key}", piece, re.MULTILINE) else rest
            run = fusebox("check", "-q", "-", stdin=piece, environment={"FUSEBOX_ADMIN_TOKEN": "s3cret"})
            self.assertEqual(run.returncode, 0, piece + run.stderr)


unittest.main()
