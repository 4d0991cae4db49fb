"""The pages of the health-check demo, as somebody sees them."""

import unittest

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pages import PageTest

PORTS = [f"--{s}-port=0" for s in ("database", "api-gateway", "frontend", "gateway", "admin")]
PROMPT = {
    "HEALTH_FAIL_RATE": "0",
    "DATA_FAIL_RATE": "0",
    "DATA_LATENCY_MIN": "0",
    "DATA_LATENCY_MAX": "0",
    "CIRCUIT_RECOVERY_TIMEOUT": "60",
}


class HealthCheck(PageTest):
    demo_name = "health-check"
    options = PORTS
    environment = PROMPT

    def test_000_A5_each_button_does_what_it_says(self):
        home = self.demo.address("frontend")
        self.page.get(home + "/")
        self.assertEqual(self.page.title, "Circuit Breaker Dashboard")
        self.picture("closed")
        self.press("Test API")
        self.assertIn("Success! Data received:", self.text())
        self.assertIn('"name": "Item 1"', self.text())
        self.picture("success")
        self.press("Check health")
        self.assertIn('"service": "api-gateway"', self.text())
        self.press("Back")
        self.assertEqual(self.page.current_url.rstrip("?"), home + "/")
        self.assertIn("CLOSED", self.text())

    def test_000_T2_an_outage_turns_the_page_red(self):
        home = self.demo.address("frontend")
        self.demo.main_switch()
        self.until_shown(home + "/", "OPEN")
        self.assertIn("Next trial call: in", self.text())
        colour = "return getComputedStyle(document.querySelector('.status')).backgroundColor"
        self.assertEqual(self.page.execute_script(colour), "rgb(248, 215, 218)")
        self.picture("open")
        self.press("Test API")
        self.assertIn("Circuit breaker is OPEN", self.text())
        self.picture("refused")

    def test_works_by_keyboard(self):
        self.page.get(self.demo.address("frontend") + "/")
        self.page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        focused = self.page.switch_to.active_element
        self.assertEqual(focused.text, "Test API")
        focused.send_keys(Keys.ENTER)
        self.until(lambda: "Success!" in self.text(), "the answer")


class HalfOpen(PageTest):
    demo_name = "health-check"
    options = PORTS
    # A trial call that takes its time is there to be seen.
    environment = {**PROMPT, "CIRCUIT_RECOVERY_TIMEOUT": "1", "DATA_LATENCY_MIN": "2", "DATA_LATENCY_MAX": "2"}

    def test_000_A10_half_open_is_seen(self):
        home = self.demo.address("frontend") + "/"
        self.demo.main_switch()
        self.until_shown(home, "Circuit Breaker State: OPEN")
        self.demo.main_switch()
        self.until_shown(home, "HALF_OPEN")
        self.assertIn("One trial call is under way", self.text())
        self.picture("half-open")
        self.until_shown(home, "CLOSED")


class French(PageTest):
    demo_name = "health-check"
    options = PORTS
    environment = PROMPT
    language = "fr"

    def test_000_A4_speaks_the_seed_s_language(self):
        self.page.get(self.demo.address("frontend") + "/")
        self.assertIn("Échecs consécutifs: 0/3", self.text())
        self.press("Vérifier Santé")
        self.assertIn("Succès! Données reçues:", self.text())
        self.picture("french")


if __name__ == "__main__":
    unittest.main()
