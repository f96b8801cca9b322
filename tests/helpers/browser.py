"""A real browser, Debian's Chromium driven by Playwright, and a server for it to open."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=30_000)

# The first is the same without windows and menus, which nobody sees here.
PROGRAMS = ("chromium-headless-shell", "chromium")
# What Chromium would do without being asked. Of several such switches it heeds the last alone, so
# what Playwright leaves out is left out here again.
LEFT_OUT = [
    # Two pages of its own for every window, and a process for a page that may come: these take it
    # two fifths of its time.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]
# No GPU, no sandbox inside a container, and nothing that calls home.
ARGUMENTS = [
    f"--disable-features={','.join(LEFT_OUT)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds, for a machine that does other things as well


# Remembers what the page said of its state, as some of it is soon over.
REMEMBER = """
addEventListener("DOMContentLoaded", () => {
  const state = document.getElementById("state");
  window.said = [state.textContent];
  new MutationObserver(() => said.push(state.textContent)).observe(state, { childList: true });
});
"""


def chromium():
    """Where Chromium is; installed first, if need be and if possible."""
    found = there()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        # Two sessions of tests must not install at once.
        with (Path(tempfile.gettempdir()) / "unmask-chromium.lock").open("w") as lock:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
            found = there() or installed()
    if found is None:
        pytest.skip("Chromium is not installed, and only root with apt-get can install it")
    return found


def there():
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def installed():
    apt("update")
    for program in PROGRAMS:
        done = apt("install", "-y", "--no-install-recommends", program)
        if there():
            return there()
    pytest.skip(f"apt-get could not install Chromium: {done.stderr.strip()[-300:]}")


def apt(*words):
    wait = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]
    try:
        return subprocess.run(
            ["apt-get", *wait, *words],
            timeout=300,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"apt-get {words[0]} did not end within 300 s, so there is no Chromium")


class Server(NamedTuple):
    process: subprocess.Popen
    address: str

    @property
    def megabytes(self):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1000


def started(*words):
    """Start the command, and wait for the page's address."""
    command = [sys.executable, "-u", "-m", "unmask", "app", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    before = []
    for line in process.stdout:
        address = re.search(r"http://\S+", line)
        if address:
            return Server(process, address[0])
        before.append(line)
    raise AssertionError("".join(before))


def ended(server):
    """Press Ctrl-C; the server goes, and has nothing to complain of."""
    server.process.send_signal(signal.SIGINT)
    try:
        rest, _ = server.process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise
    assert not re.search("Traceback|error", rest, re.IGNORECASE), rest


class Errors(list):
    """What a page complains of."""

    def watch(self, page):
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.append(said.text))
        page.on("request", lambda request: self.check(request.url))

    def check(self, url):
        if not re.match(r"(http://127\.0\.0\.1:|blob:|data:)", url):
            self.append(url)


def new_page(browser, errors, address, size=DESKTOP, **more):
    context = browser.new_context(viewport=size, accept_downloads=True, **more)
    page = context.new_page()
    page.add_init_script(REMEMBER)
    errors.watch(page)
    page.goto(address)
    return page


def choose(page, *labels):
    boxes = page.locator("#classes input")
    for number in range(boxes.count()):
        boxes.nth(number).uncheck()
    for label in labels:
        page.get_by_label(re.compile(f"^{label}")).check()


def done(page):
    expect(page.locator("#state")).to_have_text(re.compile("^Done"), timeout=PATIENCE)


def drawn(page, canvas):
    """What is on a canvas, once what was asked for is painted."""
    return page.evaluate(
        "name => new Promise(done => requestAnimationFrame(() => requestAnimationFrame("
        "() => done(document.getElementById(name).toDataURL()))))",
        canvas,
    )


def until(there):
    end = time.monotonic() + PATIENCE / 1000
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)  # whoever is waited for needs the core


def number(page, selector):
    return int(re.match(r"[\d,]+", page.inner_text(selector))[0].replace(",", ""))


def saved(page, kind, folder):
    with page.expect_download() as download:
        page.click(f'[data-kind="{kind}"]')
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
