"""From `make run` to a usable page, in seconds: `python -m benchmarks.first_page [--bus rabbitmq] [--times 3]`.

Warm means: installed and built before. The browser shows an empty page; the data directory is new each time.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


def _once(browser: Browser, bus: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="muster-bench-page-") as folder:
        environment = {**os.environ, "MUSTER_DATA_DIR": folder}
        page = browser.new_page()
        began = time.monotonic()
        running = subprocess.Popen(
            ["make", "run", f"BUS={bus}"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert running.stdout is not None
            link = next(found[0] for line in running.stdout if (found := re.search(r"http\S+", line)))
            printed = time.monotonic() - began
            page.goto(link)
            expect(page.get_by_text("echo").first).to_be_visible(timeout=TIMEOUT_S * 1000)
            usable = time.monotonic() - began
            page.close()
        finally:
            os.killpg(running.pid, signal.SIGINT)
            running.wait(TIMEOUT_S)
        return {"link_s": round(printed, 2), "page_s": round(usable, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bus", choices=("embedded", "rabbitmq"), default="embedded")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    subprocess.run(["make", "console"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        runs = [_once(browser, options.bus) for _ in range(options.times)]
        browser.close()
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    sys.stdout.write(json.dumps({"bus": options.bus, "median": median, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
