"""The page of the fault-injection demo: its buttons break and mend service B, and the page shows what that does."""

import json
import unittest

from selenium.webdriver.common.by import By

from pages import PageTest

OPTIONS = ["--service-a-port=0", "--service-b-port=0"]


class FaultInjection(PageTest):
    demo_name = "fault-injection"
    options = OPTIONS
    environment = {"CIRCUIT_RESET_TIMEOUT": "2", "LATENCY_MIN": "60", "LATENCY_MAX": "60"}

    def circuit(self):
        self.page.get(self.demo.address("service-a") + "/circuit-status")
        return json.loads(self.page.find_element(By.TAG_NAME, "body").text)

    def test_001_A1_each_button_does_what_it_says(self):
        home = self.demo.address("service-a") + "/"
        self.page.get(home)
        self.assertIn("FAILURE_THRESHOLD=3, RECOVERY_TIMEOUT=2s", self.text())
        self.picture("closed")
        said = {
            "Make Service B Slow": "have added latency",
            "Make Service B Fast": "respond quickly",
            "Make Service B Fail": "return errors",
            "Make Service B Healthy": "work normally",
        }
        for label, answer in said.items():
            self.press(label)
            self.until(lambda: answer in self.text(), f"'{answer}'")
            self.assertEqual(self.page.current_url, home, "the press is answered by the page, not by its own address")

    def test_001_T1_to_T5_fails_opens_and_heals(self):
        home = self.demo.address("service-a") + "/"
        self.page.get(home)
        self.press("Make Service B Fail")
        self.until_shown(home, "State: OPEN")
        self.picture("open")
        self.press("Make Service B Healthy")
        self.until_shown(home, "CLOSED")
        self.assertEqual(self.circuit()["state"], "closed")

    def test_001_T1_the_link_makes_a_call(self):
        self.page.get(self.demo.address("service-a") + "/")
        self.press("Call Service B (via Circuit Breaker)")
        answer = json.loads(self.page.find_element(By.TAG_NAME, "body").text)
        self.assertEqual(answer["circuit_state"], "closed")
        self.assertEqual(answer["message"], "Successfully fetched data from Service B.")


class Spanish(PageTest):
    demo_name = "fault-injection"
    options = OPTIONS
    language = "es"

    def test_001_A1_speaks_the_seed_s_language(self):
        self.page.get(self.demo.address("service-a") + "/")
        self.assertIn("Estado del Circuit Breaker:", self.text())
        self.press("Make Service B Fail")
        self.until(lambda: "El servicio B dice:" in self.text(), "what service B says")
        self.picture("spanish")


if __name__ == "__main__":
    unittest.main()
