"""What the command that ships is made of, as readelf sees it."""
import subprocess
import sys
import unittest

COMMAND, BUILD = sys.argv[1:3]  # BUILD: optimised, or only linked


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, COMMAND], check=True, capture_output=True, text=True).stdout


class Hardening(unittest.TestCase):
    def test_it_lies_at_another_address_each_time(self):
        self.assertRegex(readelf("-h"), r"Type:\s+DYN")

    def test_what_the_loader_writes_is_written_at_once_and_then_read_only(self):
        self.assertIn("GNU_RELRO", readelf("-l"))
        self.assertRegex(readelf("-d"), r"BIND_NOW|FLAGS_1.*\bNOW\b")

    def test_the_stack_is_not_run(self):
        self.assertRegex(readelf("-l"), r"GNU_STACK\s+\S+ \S+ \S+ \S+ \S+ RW ")


class Optimised(unittest.TestCase):
    def test_the_stack_is_guarded(self):
        self.assertIn("__stack_chk_fail", readelf("--dyn-syms"))

    def test_what_copies_knows_how_much_fits(self):
        self.assertRegex(readelf("--dyn-syms"), r"__(memcpy|memmove|memset|recv|read|snprintf|poll)_chk")


if __name__ == "__main__":
    if BUILD != "optimised":
        del Optimised
    unittest.main(argv=sys.argv[:1])
