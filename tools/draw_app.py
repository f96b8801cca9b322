"""Draw the pictures of the web page and the report in docs/: `python tools/draw_app.py`.

A real browser is needed: Debian's chromium, and Playwright. With --all FOLDER every state is drawn
at both widths, in light and dark, to be looked at.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect, sync_playwright

import unmask
from unmask.evaluation import metrics

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}
PATIENCE = 120_000  # milliseconds


def states(page: Any, shot: Any) -> None:
    """Go through the page as a user does."""
    expect(page.locator("#examples button")).to_have_count(4)
    page.wait_for_load_state("networkidle")
    shot("start")
    page.click("#examples button[data-name=street]")
    expect(page.locator(".class")).to_have_count(8)
    shot("picture")
    for label in ("star", "heart"):
        page.get_by_label(re.compile(f"^{label}")).check()
    page.select_option("#why-this", label="heart")
    page.select_option("#why-not", label="star")
    page.click("#why-button")
    page.click("#explain")
    expect(page.locator("#curve polyline")).to_have_count(4)
    shot("running")
    expect(page.locator("#state")).to_have_text(re.compile("^Done"))
    page.check("#certainty")
    expect(page.locator("#c-stderr")).to_be_visible()
    page.click(".tabs button >> nth=3")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("innerWidth > 980 || document.getElementById('stage').scrollIntoView()")
    page.hover("#c-overlay", position={"x": 150, "y": 130})
    shot("done")
    page.click("#views [data-view=stderr]")
    shot("error-of-map")
    page.click("#views [data-view=overlay]")
    page.locator("#top").fill("12")
    shot("kept")
    page.locator("#top").fill("100")
    page.select_option("#cmap", "viridis")
    page.locator("#opacity").fill("70")
    page.click("#code summary")
    expect(page.locator("#python")).to_have_text(re.compile("unmask.explain"))
    shot("controls")
    page.fill("#add", "no such thing")
    page.click("#add-button")
    expect(page.locator("#message")).to_be_visible()
    shot("error")


def report(folder: Path) -> Path:
    """Write a report of one picture, two classes, with curves."""
    explanation = unmask.explain("demo", unmask.demo.pictures()["street"], ["heart", "star"])
    path = folder / "report.html"
    path.write_text(
        unmask.report([explanation], curves=[metrics.curves(explanation, "demo")]), "utf-8"
    )
    return path


def main() -> None:
    """Draw."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--all", type=Path, help="every state, into this folder")
    everything = flags.parse_args().all
    expect.set_options(timeout=PATIENCE)
    command = [sys.executable, "-u", "-m", "unmask", "app", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        written = report(Path(folder)).as_uri()
        for scheme in ("light", "dark") if everything else ("light",):
            for name, size in WIDTHS.items():
                target = everything or Path(folder)
                target.mkdir(parents=True, exist_ok=True)
                page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]

                def shot(
                    state: str, page: Any = page, stem: Path = target / f"{scheme}-{name}"
                ) -> None:
                    page.mouse.wheel(0, -5000) if state != "done" else None
                    page.wait_for_timeout(300)
                    full = state != "done" if everything else False
                    page.screenshot(path=f"{stem}-{state}.png", full_page=full)

                page.goto(address[0])
                states(page, shot)
                page.goto(written)
                shot("report")
                page.context.close()
        browser.close()
        server.send_signal(signal.SIGINT)
        if not everything:
            for name in ("desktop-done", "phone-done", "desktop-report"):
                with Image.open(Path(folder) / f"light-{name}.png") as drawn:
                    path = IMAGES / f"app-{name.replace('-done', '')}.jpg"
                    drawn.convert("RGB").save(path, quality=90, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
