"""The page in a real browser: Debian's Chromium, driven by Playwright.

The set-up installs Chromium by apt-get where it is absent and that is possible, and else skips.
"""

import base64
import contextlib
import os
import re
import shutil
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.browser import (
    DESKTOP,
    PATIENCE,
    PHONE,
    choose,
    done,
    drawn,
    ended,
    expect,
    new_page,
    number,
    saved,
    started,
    until,
)
from helpers.places import ROOT
from unmask.inputs import images

pytestmark = pytest.mark.slow

MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


def test_the_client_of_the_documentation(server, tmp_path, monkeypatch):
    """A program's request as docs/app.md has it, against a server that a command started."""
    page = (ROOT / "docs" / "app.md").read_text("utf-8")
    (block,) = re.findall(r"```\n(import json.*?)```", page, re.DOTALL)
    place = "http://127.0.0.1:8808/"
    assert block.count(place) == 1
    shutil.copy(unmask.demo.pictures()["street"], tmp_path / "photo.jpg")  # a PNG, which is told
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block.replace(place, server.address), "docs/app.md", "exec"), names)
    (target,) = names["found"]["targets"]
    assert target["label"] == unmask.demo.LABELS[1]
    assert target["reliability"] > 0.9


def test_a_file_that_is_chosen_before_the_server_has_answered(browser, errors, address):
    page = browser.new_context(viewport=DESKTOP).new_page()
    errors.watch(page)
    held = []
    page.route("**/api/about", lambda route: held.append(route))
    page.goto(address)
    page.set_input_files("#file", unmask.demo.pictures()["street"])
    page.wait_for_timeout(300)
    assert page.is_hidden("#message")
    held[0].continue_()
    expect(page.locator(".class")).to_have_count(8)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_from_a_picture_to_the_numbers(browser, errors, address, size, tmp_path):
    page = new_page(browser, errors, address, size)
    expect(page.locator("#explain")).to_be_disabled()
    page.set_input_files("#file", unmask.demo.pictures()["street"])
    expect(page.locator(".class")).to_have_count(8)
    choose(page, "star", "heart")
    page.click("#settings-box summary")
    page.fill("#set-until", "")
    page.fill("#set-max_masks", "20000")
    page.click("#explain")

    # Two looks arrive, and they differ.
    expect(page.locator("#measure")).to_have_text("score while visible", timeout=PATIENCE)
    expect(page.locator("#live")).to_have_text(re.compile("percent"))
    first, picture = number(page, "#masks"), drawn(page, "c-map")
    expect(page.locator("#reliability")).not_to_have_text("–", timeout=PATIENCE)
    until(lambda: drawn(page, "c-map") != picture)
    expect(page.locator("#state")).to_have_text(re.compile("^About .* left"))

    page.click("#stop")
    expect(page.locator("#state")).to_have_text("Stopped", timeout=PATIENCE)
    kept = number(page, "#masks")
    assert 0 < first < kept < 20_000

    # It goes on to where it was going, and is stopped again.
    expect(page.locator("#more")).to_have_text("Continue")
    page.click("#more")
    expect(page.locator("#masks")).not_to_have_text(re.compile(f"^{kept:,} "), timeout=PATIENCE)
    page.click("#stop")
    expect(page.locator("#state")).to_have_text("Stopped", timeout=PATIENCE)
    kept, before = number(page, "#masks"), kept
    assert kept > before
    assert page.locator("#curve polyline").count() == 2
    # The code is of the map that is seen, and not of the number in the form.
    page.click("#code summary")
    expect(page.locator("#python")).to_have_text(re.compile(f"masks={kept},"))

    explanation = unmask.Explanation.load(saved(page, "npz", tmp_path))
    expected = unmask.explain(
        "demo", unmask.demo.pictures()["street"], ["heart", "star"], masks=kept
    )
    by_label = {target.label: i for i, target in enumerate(explanation.targets)}
    assert set(by_label) == {"heart", "star"}
    for position, target in enumerate(expected.targets):
        np.testing.assert_array_equal(
            explanation.maps[by_label[target.label]], expected.maps[position]
        )
    assert images.read(saved(page, "png", tmp_path)).shape[1] > 1000
    assert "unmask explain" in saved(page, "html", tmp_path).read_text("utf-8")
    # Nothing sticks out at the side.
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()


def test_controls_and_keyboard(browser, errors, address):
    page = new_page(browser, errors, address)
    page.focus("#examples button >> nth=3")
    page.keyboard.press("Enter")
    expect(page.locator(".class")).to_have_count(8)
    page.get_by_label(re.compile("^heart")).focus()
    page.keyboard.press("Space")
    page.click("#settings-box summary")
    page.fill("#set-until", "")
    page.fill("#set-max_masks", "256")
    page.keyboard.press("Enter")  # a form: Enter explains
    done(page)

    page.focus("#c-map")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#readout")).to_have_text(re.compile(r"^[\d.]+ ± [\d.e-]+ .* at 250, 180$"))
    read = page.inner_text("#readout")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#readout")).not_to_have_text(read)
    page.hover("#c-overlay", position={"x": 30, "y": 20})
    expect(page.locator("#readout")).to_have_text(re.compile("±"))
    page.hover("h1")
    expect(page.locator("#readout")).to_have_text(re.compile("^Point"))

    # The code for these settings is asked for once, a moment after the last of them.
    expect(page.locator("#command")).to_have_text(re.compile("--masks 256"))

    # All in the browser: the server is asked nothing.
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    own = re.compile("/icon.svg$")  # from the cache, whenever the address changes
    for selector, value in (("#opacity", "90"), ("#top", "10")):
        before = drawn(page, "c-overlay")
        page.locator(selector).fill(value)
        assert drawn(page, "c-overlay") != before
    before = drawn(page, "c-map")
    page.select_option("#cmap", "viridis")
    assert drawn(page, "c-map") != before
    assert page.input_value("#opacity") == "50"  # heat has an opacity of its own
    page.select_option("#cmap", "coolwarm")
    assert page.input_value("#opacity") == "90"
    assert [url for url in asked if not own.search(url)] == []

    page.click(".tabs button >> nth=1")
    expect(page.locator(".tabs button >> nth=1")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#c-map")).to_have_attribute("aria-label", re.compile("^Saliency map for"))

    again = new_page(browser, errors, page.url)
    expect(again.locator("#classes input:checked")).to_have_count(2, timeout=PATIENCE)
    assert (again.input_value("#set-max_masks"), again.input_value("#set-until")) == ("256", "")
    assert (again.input_value("#opacity"), again.input_value("#cmap")) == ("90", "coolwarm")
    assert again.input_value("#top") == "10"
    again.click("#code summary")
    expect(again.locator("#command")).to_have_text(re.compile("--masks 256"))
    again.context.close()
    page.context.close()


def test_the_focus_is_never_lost(browser, errors, address):
    page = new_page(browser, errors, address + "?example=street&masks=40000")
    expect(page.locator(".class")).to_have_count(8)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the map"
    seen = []
    while "explain" not in seen:
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.type"))
        assert len(seen) < 40, seen
    # From top to bottom, as one reads.
    order = ["model", "file", "button", "checkbox", "add", "add-button", "explain"]
    assert sorted(order, key=seen.index) == order
    page.keyboard.press("Enter")
    expect(page.locator("#explain")).to_have_attribute("aria-disabled", "true")
    assert page.evaluate("document.activeElement.id") == "explain"
    expect(page.locator("#measure")).not_to_have_text("", timeout=PATIENCE)
    page.focus("#stop")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Stopped", timeout=PATIENCE)
    expect(page.locator("#live")).to_have_text("Stopped")
    expect(page.locator("#more")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#more")).to_be_focused(timeout=PATIENCE)
    page.context.close()


def test_a_run_that_is_done_before_it_is_answered(browser, errors, address):
    """What the socket says is newer than an answer that was long on its way."""
    page = new_page(browser, errors, address + "?example=garden&masks=96")
    expect(page.locator(".class")).to_have_count(8)

    def late(route):
        answer = route.fetch()
        page.wait_for_timeout(1500)
        route.fulfill(response=answer)

    for path, button in (("explain", "#explain"), ("more", "#more")):
        page.route(f"**/{path}", late)
        with page.expect_response(f"**/{path}"):
            page.click(button)
        page.wait_for_timeout(200)
        done(page)
    assert number(page, "#masks") == 192
    # What is refused leaves what was there.
    page.unroute("**/more")
    page.route("**/more", lambda route: route.fulfill(status=400, json={"error": "no more"}))
    page.click("#more")
    expect(page.locator("#message")).to_have_text("no more")
    done(page)
    assert number(page, "#masks") == 192
    # A value that the browser itself refuses is shown, also where Settings are closed.
    page.click("#settings-box summary")
    page.fill("#set-max_masks", "0")
    page.click("#settings-box summary")
    page.click("#explain")
    expect(page.locator("#set-max_masks")).to_be_focused()
    page.context.close()  # or what it asks a moment later would come after all were looked at
    assert all("400" in one for one in errors)
    errors.clear()


def test_a_picture_is_dropped_anywhere(browser, errors, address):
    page = new_page(browser, errors, address)
    expect(page.locator("#examples button")).to_have_count(4)
    data = base64.b64encode(unmask.demo.pictures()["market"].read_bytes()).decode()
    page.evaluate(
        """data => {
          const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
          const how = { dataTransfer: files, bubbles: true, cancelable: true };
          document.getElementById("stage").dispatchEvent(new DragEvent("drop", how));
        }""",
        data,
    )
    expect(page.locator(".class")).to_have_count(8)
    expect(page.locator("#c-picture")).to_have_attribute("aria-label", re.compile("dropped.png"))
    page.context.close()


def test_ctrl_c_while_a_page_watches(browser, errors):
    server = started()
    page = new_page(browser, errors, server.address + "?example=night&masks=100000")
    expect(page.locator(".class")).to_have_count(8)
    page.click("#explain")
    expect(page.locator("#measure")).not_to_have_text("", timeout=PATIENCE)
    ended(server)
    page.context.close()
    errors.clear()  # the page tries to come back, and says that it cannot


def test_every_control_has_a_name(browser, errors, address):
    page = new_page(browser, errors, address + "?example=night")
    expect(page.locator(".class")).to_have_count(8)
    for box in page.locator("button:visible, input:visible, select:visible, canvas[role]").all():
        named = box.evaluate(
            "e => (e.labels?.[0] || e).textContent.trim() || e.ariaLabel || e.title"
            " || e.querySelector('img')?.alt"
        )
        assert named, box.evaluate("e => e.outerHTML")
    assert page.locator("img:not([alt])").count() == 0
    page.context.close()


def test_what_is_no_picture(browser, errors, address, tmp_path):
    page = new_page(browser, errors, address)
    text = tmp_path / "<b>notes.png"
    text.write_text("no picture")
    page.set_input_files("#file", text)
    expect(page.locator("#message")).to_have_text(re.compile("no JPEG, PNG"))
    page.set_input_files("#file", unmask.demo.pictures()["night"])
    expect(page.locator(".class")).to_have_count(8)
    expect(page.locator("#message")).to_be_hidden()
    page.context.close()
    # The browser itself notes an answer of 400.
    assert all("400" in one for one in errors)
    errors.clear()


@pytest.fixture(scope="module")
def two_models(tmp_path_factory):
    """A server of a model with markup for labels, and of the embedded one."""
    labels = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write_text("\n".join([MARKUP, *(f"<b>{n}</b>" for n in range(7))]))
    server = started("--model", str(unmask.demo.MODEL), "--labels", str(labels))
    yield server
    ended(server)


def test_the_picture_stays_when_the_model_changes(browser, errors, two_models):
    page = new_page(browser, errors, two_models.address)
    page.set_input_files("#file", unmask.demo.pictures()["street"])
    expect(page.locator(".class .name", has_text="<")).to_have_count(8)
    page.select_option("#model", index=1)
    expect(page.locator(".class .name", has_text="star")).to_have_count(1)
    expect(page.locator(".class .name", has_text="<")).to_have_count(0)
    expect(page.locator("#c-picture")).to_have_attribute("aria-label", re.compile("street.png"))
    expect(page.locator("#message")).to_be_hidden()
    page.context.close()


def test_labels_and_names_full_of_markup(browser, errors, two_models, tmp_path):
    name = tmp_path / "<script>document.title=3<" / "x" if os.sep == "\\" else tmp_path / "<i>.png"
    shutil.copy(unmask.demo.pictures()["street"], name)
    page = new_page(browser, errors, two_models.address)
    page.set_input_files("#file", name)
    expect(page.locator(".class .name")).to_have_count(8)
    assert MARKUP in page.locator(".class .name").all_text_contents()
    assert page.locator(".class img, .class script, .class b").count() == 0
    page.get_by_label(re.compile("^<img")).check()
    page.click("#settings-box summary")
    page.fill("#set-max_masks", "256")
    page.click("#explain")
    done(page)
    assert page.locator("#tabs img, #tabs script, #tabs b").count() == 0

    report = saved(page, "html", tmp_path)
    shown = browser.new_page()
    shown.goto(report.as_uri())
    expect(shown.locator("h3").first).to_have_text(re.compile("<"))
    assert shown.locator("h3 img, h3 b, main script, h2 i").count() == 0
    shown.locator("input[type=range]").first.fill("90")
    assert shown.locator(".over").first.evaluate("e => e.style.opacity") == "0.9"
    assert shown.title() == "What did the model look at?"
    shown.close()
    assert page.title() == "unmask"
    page.context.close()


def test_ten_browsers_at_once(browser, errors, server, tmp_path):
    masks, pictures = 400, []
    for seed in range(10):
        pictures.append(tmp_path / f"scene-{seed}.png")
        Image.fromarray(unmask.demo.scene(seed).picture).save(pictures[-1])
    with contextlib.ExitStack() as stack:
        pages = [new_page(browser, errors, f"{server.address}?masks={masks}") for _ in pictures]
        for page, picture in zip(pages, pictures, strict=True):
            stack.callback(page.context.close)
            page.set_input_files("#file", picture)
            expect(page.locator(".class")).to_have_count(8)
        before = server.megabytes
        # All at once, at a moment that every page is told before it comes.
        soon = 1000 * time.time() + 3000
        for page in pages:
            page.evaluate(
                "soon => void setTimeout(() => document.getElementById('explain').click(),"
                " soon - Date.now())",
                soon,
            )
        for page in pages:
            done(page)
        told = [page.evaluate("said") for page in pages]
        # Who waits is told the place, which falls until its turn comes.
        assert any(place(words) for one in told for words in one), told
        for one in told:
            for words, then in pairwise(one):
                assert place(then) <= place(words) or not place(words), told
        assert all(any(re.match("Running|About", words) for words in one) for one in told), told
        assert server.megabytes - before < 80
        for page, picture in zip(pages, pictures, strict=True):
            explanation = unmask.Explanation.load(saved(page, "npz", tmp_path))
            assert explanation.image == Path(picture).name
            assert explanation.masks == masks
            expected = unmask.explain("demo", picture, masks=masks)
            np.testing.assert_array_equal(explanation.maps, expected.maps)


def place(words):
    """The place that a state tells of, or 0."""
    found = re.fullmatch(r"(Next)|Number (\d+) in line", words.replace("Next in line", "Next"))
    return (1 if found[1] else int(found[2])) if found else 0
