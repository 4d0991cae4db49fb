"""The schema and the reader must agree: on good files, and on all bad ones whose fault a schema can see."""
import glob
import json
import re
import subprocess
import sys
import unittest

import jsonschema
import yaml

FUSEBOX, FILES = sys.argv.pop(1), sys.argv.pop(1)


class Yaml12(yaml.SafeLoader):
    """PyYAML with the plain scalars of YAML 1.2, as editors read them: `yes` is a text, 1:30 is no number."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in [("bool", r"^(?:true|false)$", "tf"), ("null", r"^(?:~|null|)$", ["~", "n", ""]),
                            ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
                            ("float", r"^[-+]?[0-9]+\.[0-9]+$", "-+0123456789")]:
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = subprocess.run([FUSEBOX, "schema"], capture_output=True, text=True, check=True, timeout=60).stdout
        cls.schema = json.loads(text)
        cls.validator = jsonschema.Draft7Validator(cls.schema)

    def accepts(self, file):
        with open(file) as text:
            return self.validator.is_valid(yaml.load(text, Yaml12))

    def reader_accepts(self, file):
        return subprocess.run([FUSEBOX, "check", "-q", file], capture_output=True, timeout=60).returncode == 0

    def files(self, folder):
        found = sorted(glob.glob(f"{FILES}/{folder}/*.yaml"))
        self.assertTrue(found)
        return found

    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_accepts_what_the_reader_accepts(self):
        for file in self.files("good"):
            self.assertTrue(self.reader_accepts(file), file)
            with open(file) as text:
                self.validator.validate(yaml.load(text, Yaml12))

    def test_refuses_what_the_reader_refuses(self):
        for file in self.files("bad"):
            self.assertFalse(self.reader_accepts(file), file)
            self.assertFalse(self.accepts(file), file)

    def test_leaves_to_the_reader_what_only_it_can_see(self):
        for file in self.files("bad_by_meaning"):
            self.assertFalse(self.reader_accepts(file), file)

    def test_agrees_with_the_reader_on_single_values(self):
        """Each value in each place, by itself: the reader's word is the schema's word."""
        values = ["1s", "10", "0", "1.5", "50%", "150%", "5KiB", "true", "yes", "none", "\"3\"", "\"1s\"", "5xx", "503",
                  "600", "10 calls", "\":80\"", "a:80", "header:X", "route", "client_ip", "/x", "[]", "{}", "GET",
                  "websocket", "\"${FUSEBOX_TEST_X:-1s}\"", "010", "-1", "text", "\"010\"", "~"]
        places = ["timeout: { total: %s }", "timeout: { total: 1h, per_try: %s }", "retry: { max_attempts: %s }",
                  "retry: { retry_on: [%s] }", "circuit_breaker: { scope: %s }", "circuit_breaker: { window: %s }",
                  "circuit_breaker: { failure_rate_threshold: %s }", "circuit_breaker: { open_multiplier: %s }",
                  "circuit_breaker: { automatic_half_open: %s }", "circuit_breaker: { initial_state: %s }",
                  "rate_limit: { per: %s }", "body_buffer: %s", "name: %s", "upgrade: %s", "match: { path: %s }",
                  "match: { method: %s }", "bulkhead: %s", "hedge: { delay: 1s, max_attempts: %s }"]
        text = "listen: \":80\"\nupstreams: { a: { endpoints: [\"h:1\"] } }\nroutes: [{ upstream: a, %s }]\n"
        only_by_schema = set()
        for place in places:
            for value in values:
                document = text % (place % value)
                run = subprocess.run([FUSEBOX, "check", "-q", "-"], input=document, capture_output=True, text=True)
                if self.validator.is_valid(yaml.load(document, Yaml12)):
                    if run.returncode != 0:
                        only_by_schema.add((place, value))
                else:
                    self.assertEqual(run.returncode, 3, document)
        self.assertEqual(sorted(only_by_schema), sorted(self.beyond_a_schema(places, values)))

    @staticmethod
    def beyond_a_schema(places, values):
        """What only the reader can refuse: what a variable holds, names of policies that are nowhere, comparisons,
        and plain texts that some reader of YAML takes for something else."""
        variable = "\"${FUSEBOX_TEST_X:-1s}\""
        free_texts = ["name: %s", "upgrade: %s", "match: { method: %s }"]
        takes_1s = ["name: %s", "upgrade: %s", "circuit_breaker: { window: %s }", "timeout: { total: 1h, per_try: %s }",
                    "timeout: { total: %s }"]
        texts = [v for v in values if isinstance(yaml.load(v, Yaml12), str) and v != "none"]
        beyond = {(place, variable) for place in places if place not in takes_1s}
        beyond |= {("bulkhead: %s", v) for v in texts}
        beyond |= {(place, "010") for place in free_texts}
        beyond |= {("name: %s", "yes"), ("upgrade: %s", "yes")}
        beyond |= {("timeout: { total: 1h, per_try: %s }", "none")}
        return beyond


unittest.main()
