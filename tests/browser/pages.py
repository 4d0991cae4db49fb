"""A demo and a browser, for the tests of the pages: `fusebox demo NAME` on free ports, and headless Chromium.

Needs chromium, chromium-driver and python3-selenium. Pictures of what was seen go to the folder SCREENSHOTS, for
somebody to look at.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FUSEBOX = os.environ["FUSEBOX"]
SCREENSHOTS = os.environ["SCREENSHOTS"]


class Demo:
    """A running demo. Its output is read until it has said where its services are."""

    def __init__(self, name, options, environment):
        self.process = subprocess.Popen(
            [FUSEBOX, "demo", name, *options],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.introduction = ""
        for line in self.process.stdout:
            self.introduction += line
            if "What to try" in line:
                break
        # Nobody reads on, so the pipe must not fill.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def address(self, service):
        return re.search(rf"^\s+{service}\s+(http://\S+)", self.introduction, re.MULTILINE).group(1)

    def main_switch(self):
        self.process.send_signal(signal.SIGUSR1)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.drain.wait(timeout=20)
        return status


def browser(language="en", size=(760, 700)):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tempfile.mkdtemp(prefix='fusebox-browser-')}")
    options.add_argument(f"--window-size={size[0]},{size[1]}")
    options.add_argument(f"--accept-lang={language}")
    # A violation of the page's own Content-Security-Policy is an error in this log.
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class PageTest(unittest.TestCase):
    """A test with a demo; subclasses say which, and with which settings."""

    demo_name = ""
    options = ()
    environment = {}
    language = "en"

    def setUp(self):
        self.demo = Demo(self.demo_name, self.options, self.environment)
        self.addCleanup(self.demo.end)
        self.page = browser(self.language)
        self.addCleanup(self.page.quit)

    def tearDown(self):
        # What is no page of ours, JSON shown by the browser, is asked for an icon.
        errors = [
            e for e in self.page.get_log("browser") if e["level"] == "SEVERE" and "/favicon.ico" not in e["message"]
        ]
        self.assertEqual(errors, [], "the browser's console has errors")

    def press(self, label):
        buttons = self.page.find_elements(By.XPATH, "//button | //a[contains(@class,'button')]")
        chosen = [b for b in buttons if b.text.strip() == label]
        self.assertTrue(chosen, f"no button '{label}'; there are: {[b.text for b in buttons]}")
        chosen[0].click()

    def text(self):
        try:
            return self.page.find_element(By.TAG_NAME, "main").text
        except (NoSuchElementException, StaleElementReferenceException):
            return ""  # between two pages

    def until(self, condition, what, seconds=20):
        """Asks again and again, since only the page can say when it has come."""
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what} did not come. The page:\n{self.text()}")

    def until_shown(self, address, text, seconds=20):
        def shown():
            self.page.get(address)
            return text in self.text()

        self.until(shown, f"'{text}'", seconds)

    def picture(self, name):
        os.makedirs(SCREENSHOTS, exist_ok=True)
        self.page.save_screenshot(os.path.join(SCREENSHOTS, f"{self.demo_name}-{name}.png"))
