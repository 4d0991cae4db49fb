"""Each rule of scripts/lint and scripts/lint_coroutines catches what it is for, and lets good code be."""
import os
import re
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "..", "scripts")

GOOD = {
    "core/CMakeLists.txt": "fusebox_library(core SOURCES a.cpp HEADER_ROOT include HEADERS a.hpp)\n"
                           "fusebox_library(testing HEADER_ROOT testing/include HEADERS b.hpp LINKS fusebox::core)\n",
    "core/include/fusebox/clock.hpp": "#pragma once\n#include <chrono>\n",
    "core/include/fusebox/detail/spin_lock.hpp": "// unlike a std::atomic<int>\n#include <atomic>\n",
    "core/src/clock.cpp": "#include \"tick.hpp\"\n#include <fusebox/clock.hpp>\nvoid wait() { sleep_for(1s); }\n",
    "core/src/linux/clock.cpp": "#include <fusebox/clock.hpp>\n#include <dlfcn.h>\n",
    "core/include/fusebox/detail/linux_clock.hpp": "#pragma once\n#include <time.h>\n",
    "core/src/tick.hpp": "#include <cmath>\n",
    "core/tests/clock_test.cpp": "#include <gtest/gtest.h>\n// never sleep_for\n",
    "asio/include/fusebox/asio/run.hpp": "#include <fusebox/clock.hpp>\n#include <boost/asio.hpp>\n",
    "http/include/fusebox/http/server.hpp": "#include <fusebox/asio/run.hpp>\n",
    "gateway/src/text/list.hpp": "#pragma once\n",
    "gateway/src/plan/plan.hpp": '#include "text/list.hpp"\n#include <fusebox/http/server.hpp>\n',
    "gateway/src/serving/engine.cpp": '#include "config/reader.hpp"\n#include "plan/plan.hpp"\n',
    "demos/health-check/main.cpp": "#include <fusebox/http/server.hpp>\n",
    "examples/hedge.cpp": "int main() {\n    if (true) {\n        wait();\n    }\n}\n",
    "examples/expected/hedge.txt": "one\n\ntwo\n",
    "docs/hedge.md": "<!-- from examples/hedge.cpp -->\n```cpp\n    if (true) {\n        wait();\n```\nprints\n"
                     "<!-- from examples/expected/hedge.txt -->\n```\none\n\ntwo\n```\n"
                     "where indentation is the page's own,\n\n"
                     "<!-- from examples/hedge.cpp -->\n~~~cpp\nif (true) {\n    wait();\n}\n~~~\n"
                     "and what is not marked is free\n```\nthree\n```\n",
}

BAD = [
    # path, text, line, what the message must say
    ("core/src/a.cpp", "#include <vector>\n#include <boost/asio.hpp>\n", 2, "the core includes boost/asio.hpp"),
    ("core/src/a.cpp", "#include <dlfcn.h>\n", 1, "in a file for all systems"),
    ("core/include/fusebox/a.hpp", "#include <time.h>\n", 1, "in a file for all systems"),
    ("core/src/linux/a.cpp", "#include <sched.h>\n", 1, "the core includes sched.h"),
    ("core/src/a.cpp", "#include <fmt/format.h>\n", 1, "the core includes fmt/format.h"),
    ("core/include/fusebox/a.hpp", '#include "clock.hpp"\n', 1, "the core includes clock.hpp"),
    ("core/include/fusebox/a.hpp", "#  include <fusebox/asio/run.hpp>\n", 1, "core includes fusebox/asio/run.hpp of asio"),
    ("asio/src/a.cpp", "#include <fusebox/http/server.hpp>\n", 1, "asio may include core"),
    ("grpc/src/a.cpp", "#include <fusebox/http/server.hpp>\n", 1, "lies above or beside"),
    ("gateway/src/text/a.hpp", '#include "plan/plan.hpp"\n', 1, "text includes plan/plan.hpp, of a room above"),
    ("gateway/src/exchange/a.cpp", '#include "config/reader.hpp"\n', 1, "above or beside it"),
    ("gateway/src/plan/a.cpp", '\n#include "config/reader.hpp"\n', 2, "above or beside it"),
    ("gateway/src/a.cpp", '#include "text/list.hpp"\n', 1, "in no room of the gateway"),
    ("gateway/src/text/list.hpp", '#include "text/list.hpp"\n', 1, "a ring of includes: list.hpp > list.hpp"),
    ("core/CMakeLists.txt", "fusebox_library(core\n  SOURCES a.cpp\n  LINKS fmt::fmt)\n", 3, "the core links something"),
    ("core/CMakeLists.txt", "find_package(fmt)\n", 1, "finds or links a package"),
    ("core/src/long.cpp", "int x;\n" * 401, 401, "401 lines"),
    ("core/src/a.cpp", "int x;  // TODO\n", 1, "unfinished"),
    ("docs/a.md", "FIXME\n", 1, "unfinished"),
    ("core/tests/a_test.cpp", "void f() {\n    std::this_thread::sleep_for(1s);\n}\n", 2, "a test says sleep_for"),
    ("tests/e2e/a_test.cpp", "TEST(a, DISABLED_b) {}\n", 1, "a test says DISABLED_b"),
    ("asio/tests/a.cpp", "GTEST_SKIP();\n", 1, "a test says GTEST_SKIP"),
    ("core/include/fusebox/detail/breaker_engine_impl.hpp", "std::atomic<int> x;\n", 1, "used past Platform"),
    ("core/include/fusebox/detail/call_cell.hpp", "auto t = std::chrono::steady_clock::now();\n", 1, "used past Platform"),
    ("core/include/fusebox/detail/spin_lock.hpp", "int f() { return rand(); }\n", 1, "used past Platform"),
    ("README.md", "<!-- from examples/hedge.cpp -->\n```\nif (true) {\n    stay();\n```\n", 4,
     "has drifted: 'stay();', but line 3 there is 'wait();'"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n```\nif (true) {\nwait();\n```\n", 4, "has drifted: 'wait();'"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n```\nif (false) {\n```\n", 3, "nearest line there is 'if (true) {'"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n```\n????\n```\n", 3, "no line there is like it"),
    ("docs/a.md", "a\n<!-- from examples/expected/hedge.txt -->\n```\none\n\ntwo\nthree\n```\n", 7, "it ends there"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n```\n\n```\n", 3, "is empty"),
    ("docs/a.md", "<!-- from examples/none.cpp -->\n```\nx\n```\n", 1, "quotes examples/none.cpp, which is no file"),
    ("docs/a.md", "<!-- from core/src/clock.cpp -->\n```\nx\n```\n", 1, "quotes core/src/clock.cpp, which is no file"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n\nwords\n", 1, "no fenced block begins"),
    ("docs/a.md", "<!-- from examples/hedge.cpp -->\n```\nif (true) {\n", 1, "no fenced block begins"),
    ("core/src/clockFace.cpp", "\n", 1, "not snake_case"),
    ("core/src/string_utils.cpp", "\n", 1, "says nothing about what is inside"),
    ("demos/common/a.cpp", "\n", 1, "'common' says nothing"),
]


def lint(files):
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["git", "init", "-q", root], check=True)
        for path, text in files.items():
            where = os.path.join(root, path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "w") as f:
                f.write(text)
        return subprocess.run([os.path.join(SCRIPTS, "lint"), root], capture_output=True, text=True)


class Lint(unittest.TestCase):
    def test_lets_good_code_be(self):
        run = lint(GOOD)
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)

    def test_names_the_line_of_each_fault(self):
        for path, text, line, says in BAD:
            with self.subTest(path=path, says=says):
                run = lint(GOOD | {path: text})
                self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
                self.assertRegex(run.stdout, rf"(?m)^{re.escape(path)}:{line}: .*{re.escape(says)}")


class LintCoroutines(unittest.TestCase):
    def caught(self, name):
        run = subprocess.run([os.path.join(SCRIPTS, "lint_coroutines"), "--file", os.path.join(HERE, name)],
                             capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        lines = {int(n) for n in re.findall(rf"^\S*{re.escape(name)}:(\d+): ", run.stdout, re.M)}
        return run.returncode, lines

    def test_catches_every_shape_that_miscompiles(self):
        with open(os.path.join(HERE, "bad_coroutines.cpp")) as f:
            marked = {n for n, line in enumerate(f, 1) if line.rstrip().endswith("// caught")}
        self.assertGreaterEqual(len(marked), 8)
        self.assertEqual(self.caught("bad_coroutines.cpp"), (1, marked))

    def test_lets_the_safe_shapes_be(self):
        self.assertEqual(self.caught("good_coroutines.cpp"), (0, set()))


if __name__ == "__main__":
    unittest.main()
