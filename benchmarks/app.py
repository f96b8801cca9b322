"""The web page: time to the first map, what it costs beside the command line, and memory.

The server runs as its own process with the embedded model, and is talked to as a page talks to it.
With --browser a real page (chromium, Playwright) is open on the same cores while it is timed. That
the page does not freeze is measured by how long the server takes to answer something else during
the runs, and on a real page by the longest time between two frames.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx
from common import parser, start
from websockets.sync.client import connect

import unmask

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = list(unmask.demo.pictures().values())
FIRST, SLOWER, GROWTH = 1.0, 0.10, 20.0  # seconds, ratio, MB
FORGOTTEN = 22.0  # seconds until a wave's sessions are forgotten
FRAMES = """() => {
  window.gap = 0;
  let last = performance.now();
  const frame = now => {
    window.gap = Math.max(window.gap, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""

# Waiting without asking again and again, which would keep the page painting.
SAYS = """([selector, words]) => new Promise(resolve => {
  const node = document.querySelector(selector), wanted = new RegExp(words);
  const look = () => {
    if (!wanted.test(node.textContent)) return false;
    watch.disconnect();
    resolve();
    return true;
  };
  const watch = new MutationObserver(look);
  if (!look()) watch.observe(node, { childList: true, characterData: true, subtree: true });
})"""


class Page:
    """One page, without a browser."""

    def __init__(self, address: str, picture: Path) -> None:
        self.client = httpx.Client(base_url=address, timeout=60)
        self.token = self.client.post("api/sessions").json()["token"]
        self.own = f"api/session/{self.token}"
        socket = address.replace("http", "ws") + f"{self.own}/live"
        # The server says every second how things stand, also while nobody reads here.
        self.socket = connect(socket, max_size=None, max_queue=None, compression=None)
        name = {"name": picture.name}
        upload = self.client.put(f"{self.own}/picture", content=picture.read_bytes(), params=name)
        upload.raise_for_status()

    def explain(self, masks: int, targets: list[str]) -> tuple[float, float, float, int]:
        """Return the seconds to the first map, to the last, of the loop alone, and the updates."""
        with contextlib.suppress(TimeoutError):  # what was said since the last run
            while True:
                self.socket.recv(timeout=0)
        begin, first, looks = time.perf_counter(), 0.0, 0
        wish = {"targets": targets, "settings": {"masks": masks}}
        self.client.post(f"{self.own}/explain", json=wish).raise_for_status()
        for message in self.socket:
            if isinstance(message, bytes):
                first = first or time.perf_counter() - begin
                looks += 1
                (length,) = struct.unpack("<I", message[:4])
                state: dict[str, Any] = json.loads(message[4 : 4 + length])
            else:
                state = json.loads(message)
            if state["state"] == "done" and state["done"] == masks:
                break
        return first, time.perf_counter() - begin, state["seconds"], looks

    def close(self) -> None:
        self.client.get(f"{self.own}/download/npz").raise_for_status()
        self.socket.close()
        self.client.close()


class Asker(threading.Thread):
    """Asks the server for something small, ten times a second, and notes how long that takes."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.client = httpx.Client(base_url=address, timeout=60)
        self.taken: list[float] = []
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.wait(0.1):
            begin = time.perf_counter()
            self.client.get("icon.svg").raise_for_status()
            self.taken.append(time.perf_counter() - begin)

    def end(self) -> list[float]:
        self.ending.set()
        self.join()
        return self.taken


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Start `unmask app`; its address and process."""
    command = [sys.executable, "-u", "-m", "unmask", "app", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        try:
            yield found[0], process.pid
        finally:
            process.send_signal(signal.SIGINT)


def by_command(masks: int, targets: list[str]) -> float:
    """Seconds that the command line's own loop took."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word for target in targets for word in ("-t", target)]
        command = [sys.executable, "-m", "unmask", "explain", str(PICTURES[0]), *words]
        done = [*command, "-n", str(masks), "-o", folder]
        subprocess.run(done, check=True, capture_output=True)
        return unmask.Explanation.load(Path(folder) / f"{PICTURES[0].stem}.npz").seconds


def memory(process: int) -> float:
    """Megabytes that a process holds."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1000


@contextlib.contextmanager
def browser(address: str, wanted: bool) -> Iterator[Any]:
    """A page of a real browser, or None."""
    if not wanted:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        program = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=words)
        page = program.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.set_input_files("#file", PICTURES[0])
        page.wait_for_selector(".class")
        page.click("#settings-box summary")
        yield page
        program.close()


def in_browser(page: Any, masks: int) -> tuple[float, float, float, int]:
    """Return the same of a real page, both classes asked for, but for the updates: 0."""
    page.fill("#set-until", "")
    page.fill("#set-max_masks", str(masks))
    for number in (0, 1):
        page.locator("#classes input").nth(number).check()
    begin = time.perf_counter()
    page.click("#explain")
    page.evaluate(SAYS, ["#measure", "."])
    first = time.perf_counter() - begin
    page.evaluate(SAYS, ["#state", "^Done"])
    last = time.perf_counter() - begin
    return first, last, float(page.inner_text("#state").split()[2]), 0


def main() -> int:
    """Measure, and compare with the bars."""
    flags = parser(__doc__)
    flags.add_argument("--masks", type=int, default=4000)
    flags.add_argument("--waves", type=int, default=3, help="of ten sessions, for the memory")
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--browser", action="store_true", help="with a real page open and painting")
    arguments = flags.parse_args()
    start(arguments)
    with server() as (address, process), browser(address, arguments.browser) as screen:
        page = Page(address, PICTURES[0])
        page.explain(256, ["0", "1"])
        pairs, gaps, answers = [], [], []
        for _ in range(arguments.rounds):  # interleaved, as other work comes and goes
            if screen is None:
                first, last, inside, looks = page.explain(arguments.masks, ["0", "1"])
            else:
                first, last, inside, looks = in_browser(screen, arguments.masks)
            line = by_command(arguments.masks, ["0", "1"])
            pairs.append((first, last, inside, line, looks))
        # In a run of its own, as asking and drawing frame after frame take time as well.
        if screen is None:
            asker = Asker(address)
            asker.start()
            page.explain(arguments.masks, ["0", "1"])
            answers += asker.end()
        else:
            screen.evaluate(FRAMES)
            in_browser(screen, arguments.masks)
            gaps.append(screen.evaluate("gap") / 1000)
        firsts, lasts, insides, lines, looked = (
            list(column) for column in zip(*pairs, strict=True)
        )
        page.close()
        levels = [memory(process)]
        for wave in range(arguments.waves):
            if wave:
                time.sleep(FORGOTTEN)
            for number in range(10):
                one = Page(address, PICTURES[number % len(PICTURES)])
                one.explain(500, ["0", "1"])
                one.close()
            levels.append(memory(process))
    ratios = [app / line for app, line in zip(lasts, lines, strict=True)]
    beyond = [app / loop - 1 for app, loop in zip(lasts, insides, strict=True)]
    slower, growth = median(ratios) - 1, levels[-1] - levels[1]
    where = "on a real screen" if arguments.browser else "at the socket"
    print(
        f"first map {where} after Explain: median {median(firsts):.2f} s, worst {max(firsts):.2f} s"
    )
    print(f"  bar: {FIRST:g} s")
    print(
        f"{arguments.masks} masks: app {median(lasts):.2f} s with {median(looked):.0f} updates, "
        f"command line {median(lines):.2f} s; ratios {', '.join(f'{r:.2f}' for r in ratios)}, "
        f"median {100 * slower:+.1f}%"
    )
    print(f"  bar: {100 * SLOWER:g}%")
    if gaps:
        print(f"longest time between two frames of a run: {', '.join(f'{g:.3f}' for g in gaps)} s")
    if answers:
        print(f"other answers: median {median(answers):.4f} s, slowest {max(answers):.3f} s")
    print(f"  from Explain to done beyond the loop in the same run: {100 * median(beyond):.1f}%")
    print(f"  the fastest of each: {100 * (min(lasts) / min(lines) - 1):+.1f}%")
    each = ", ".join(f"{level:.0f}" for level in levels)
    print(f"memory before and after each ten sessions: {each} MB")
    print(f"  bar: {GROWTH:g} MB more after the last ten than after the first")
    return int(max(firsts) > FIRST or slower > SLOWER or growth > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
