"""The page of the orders demo: an order placed by hand, and the circuits of the services that it needs."""

import unittest

from selenium.webdriver.common.by import By

from pages import PageTest

SERVICES = ["make-order", "auth", "product", "customer", "cart", "order", "notification"]
OPTIONS = [f"--{s}-service-port=0" for s in SERVICES]


class Orders(PageTest):
    demo_name = "orders"
    options = OPTIONS
    environment = {"CB_COOLDOWN_SECONDS": "60"}

    def test_002_F1_places_an_order(self):
        self.page.get(self.demo.address("make-order-service") + "/")
        self.press("Place order")
        self.assertIn("The order is placed.", self.text())
        self.picture("placed")
        order = self.page.find_element(By.TAG_NAME, "pre").text
        self.page.refresh()
        self.assertEqual(self.page.find_element(By.TAG_NAME, "pre").text, order, "loaded again, and not ordered again")
        self.press("Refresh")
        self.until(lambda: "CLOSED" in self.text(), "the circuits")
        self.picture("closed")

    def test_002_S2_shows_an_open_circuit_and_refuses(self):
        home = self.demo.address("make-order-service") + "/"
        self.demo.main_switch()
        self.until_shown(home, "OPEN", seconds=40)
        self.picture("open")
        self.press("Place order")
        self.assertIn("Circuit open for product", self.text())
        self.picture("refused")


class Vietnamese(PageTest):
    demo_name = "orders"
    options = OPTIONS
    language = "vi"

    def test_speaks_the_seed_s_language(self):
        self.page.get(self.demo.address("make-order-service") + "/")
        self.assertEqual(self.page.find_element(By.TAG_NAME, "html").get_attribute("lang"), "vi")
        self.picture("vietnamese")


if __name__ == "__main__":
    unittest.main()
