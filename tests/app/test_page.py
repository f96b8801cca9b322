"""What the page says and shows, in a browser: how sure a map is, boxes, links, a lost server."""

import base64
import io
import re
import shutil
import signal
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.browser import (
    DESKTOP,
    PATIENCE,
    PHONE,
    done,
    drawn,
    ended,
    expect,
    new_page,
    number,
    saved,
    started,
)
from helpers.places import SHARED

pytestmark = pytest.mark.slow

YOLOX = SHARED / "models" / "yolox_nano_coco.onnx"
SKIER = SHARED / "images" / "coco_000000000785.jpg"


def pixels(page, canvas):
    data = drawn(page, canvas).partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def explained(browser, errors, address, query, size=DESKTOP):
    page = new_page(browser, errors, f"{address}?{query}", size)
    # The link's classes come one after the other.
    expect(page.locator("#classes input:checked")).to_have_count(query.count("class="))
    expect(page.locator("#explain")).to_be_enabled()
    page.click("#explain")
    done(page)
    return page


def test_it_stops_by_itself_and_goes_on_when_asked(browser, errors, address):
    page = explained(browser, errors, address, "example=street&class=heart&until=0.9")
    expect(page.locator("#reason")).to_have_text("A reliability of 0.9 was reached.")
    masks = number(page, "#masks")
    assert masks == unmask.explain("demo", unmask.demo.pictures()["street"], 4, until=0.9).masks
    expect(page.locator("#command")).to_have_text(re.compile(f"--masks {masks}"))
    page.click("#more")
    expect(page.locator("#masks")).to_have_text(re.compile(f"^{2 * masks:,}"), timeout=PATIENCE)
    done(page)
    page.context.close()


def test_the_photograph_keeps_its_colors_where_there_is_nothing(browser, errors, address):
    page = explained(browser, errors, address, "example=street&class=heart&masks=512")
    expect(page.locator("#title")).to_have_text("heart")
    picture, over, paper = (pixels(page, name) for name in ("c-picture", "c-overlay", "c-map"))
    nothing = (paper >= 254).all(axis=2)
    assert nothing.mean() > 0.2
    assert np.abs(over - picture)[nothing].max() <= 3
    assert np.abs(over - picture)[paper.min(axis=2) < 120].max() > 60

    # The top of it is the photograph, and the rest is faded to white.
    page.fill("#top", "10")
    kept = pixels(page, "c-overlay")
    own = np.abs(kept - picture).max(axis=2) <= 2
    assert 0.08 < own.mean() < 0.16
    assert (kept >= picture - 1).all()
    assert kept[~own].mean() > 200
    page.context.close()


def test_how_sure_it_is_on_request(browser, errors, address, tmp_path):
    page = explained(
        browser, errors, address, "example=night&class=heart&class=contrast:4-2&masks=512"
    )
    assert page.is_hidden("#c-stderr")
    before = pixels(page, "c-overlay")
    plain = saved(page, "png", tmp_path).read_bytes()
    page.check("#certainty")
    expect(page.locator("#stderr-caption")).to_have_text(re.compile(r"median: [\d.]+% of the map"))
    expect(page.locator("#overlay-caption")).to_have_text("Lines: differs from no influence, 95%")
    after = pixels(page, "c-overlay")
    crimson = np.abs(after - [224, 0, 60]).max(axis=2) < 12
    assert crimson.sum() > 500
    assert (np.abs(after - before).max(axis=2) > 20).mean() < 0.1  # lines alone
    assert saved(page, "png", tmp_path).read_bytes() != plain
    # Against the contrast's first class there are lines of the other color.
    page.click("#tabs button >> nth=1")
    indigo = np.abs(pixels(page, "c-overlay") - [43, 43, 216]).max(axis=2) < 12
    assert indigo.sum() > 500
    page.click("#views [data-view=stderr]")
    gray = pixels(page, "c-stderr")
    assert (gray.max(axis=2) == gray.min(axis=2)).all()
    assert gray.min() >= 165
    page.context.close()


def test_why_this_and_not_that(browser, errors, address):
    page = new_page(browser, errors, address + "?example=night")
    expect(page.locator(".class")).to_have_count(8)
    page.select_option("#why-this", label="heart")
    page.select_option("#why-not", label="heart")
    page.click("#why-button")
    expect(page.locator("#message")).to_have_text(re.compile("two different classes"))
    page.select_option("#why-not", label="bolt")
    page.click("#why-button")
    expect(page.get_by_label(re.compile("^heart − bolt"))).to_be_checked()
    page.get_by_label(re.compile(r"^heart[\d<>]")).uncheck()
    page.click("#explain")
    done(page)
    expect(page.locator("#title")).to_have_text("heart − bolt")
    expect(page.locator("#measure")).to_have_text("difference of scores while visible")
    # Both sides of the level are shown, and it is in the middle.
    assert page.evaluate("document.getElementById('tick').style.left") == "50%"
    again = new_page(browser, errors, page.url)
    expect(again.locator("#classes input:checked")).to_have_count(1)
    expect(again.get_by_label(re.compile("^heart − bolt"))).to_be_checked()
    again.context.close()
    page.context.close()


@pytest.mark.skipif(not YOLOX.is_file(), reason="needs the detector of ../shared")
def test_boxes_are_chosen_and_drawn_on_the_picture(browser, errors):
    labels = str(SHARED / "models" / "coco_labels.txt")
    words = ("--model", str(YOLOX), "--labels", labels)
    server = started(*words, "--example", str(SKIER))
    page = new_page(browser, errors, server.address + f"?example={SKIER.name}")
    expect(page.locator(".class")).to_have_count(2)
    # The same numbers on the picture and in the list; a click on either chooses.
    numbers = [one.split(":")[0] for one in page.locator("#classes .tag").all_text_contents()]
    assert numbers == ["0", "1"]
    skis = page.get_by_role("button", name=re.compile("^1: skis"))
    expect(skis).to_have_attribute("aria-pressed", "false")
    skis.click()
    expect(page.get_by_label(re.compile("^1skis"))).to_be_checked()
    skis.click()

    # With the mouse.
    page.click("#draw-box")
    area = page.locator("#drawing").bounding_box()
    x, y, across, down = (area[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + 0.6 * across, y + 0.3 * down)
    page.mouse.down()
    page.mouse.move(x + 0.4 * across, y + 0.1 * down)
    page.mouse.up()
    page.fill("#drawn-class", "backpack")
    page.click("#drawn-button")
    expect(page.get_by_label(re.compile("^drawnbackpack"))).to_be_checked()
    left, top, right, bottom = page.evaluate("location.search").split("24%3A")[1][:40].split("%2C")
    assert float(left) == pytest.approx(0.4 * 640, abs=2)
    assert float(top) == pytest.approx(0.1 * 425, abs=2)
    assert float(right) == pytest.approx(0.6 * 640, abs=2)
    assert float(re.match(r"[\d.]+", bottom)[0]) == pytest.approx(0.3 * 425, abs=2)

    # From the keyboard, of any class.
    page.click("#draw-box")
    expect(page.locator("#drawn-box")).to_be_focused()
    before = page.get_attribute("#drawn-box", "aria-label")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert page.get_attribute("#drawn-box", "aria-label") != before
    page.keyboard.press("Enter")
    expect(page.get_by_label(re.compile("^drawnbox"))).to_be_checked()
    expect(page.locator("#explain")).to_be_focused()
    page.click("#settings-box summary")
    page.fill("#set-until", "")
    page.fill("#set-max_masks", "40")
    page.click("#explain")
    done(page)
    expect(page.locator("#title")).to_have_text("0 · person")
    expect(page.locator("#measure")).to_have_text("similarity while visible")
    expect(page.locator("#tabs button")).to_have_count(3)
    expect(page.locator("#command")).to_have_text(re.compile("-t 24:"))
    expect(page.locator("#doubts")).to_contain_text("'backpack' was missed at")
    page.context.close()
    ended(server)


def test_a_lost_server_is_said_and_found_again(browser, errors):
    server = started()
    page = new_page(browser, errors, server.address + "?example=garden&class=heart&masks=96")
    expect(page.locator("#classes input:checked")).to_have_count(1)
    # It only fell silent.
    server.process.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    expect(page.locator("#lost")).to_have_text(re.compile("Nothing is heard from the server"))
    assert time.monotonic() - start < 3
    server.process.send_signal(signal.SIGCONT)
    expect(page.locator("#lost")).to_have_text("The server is there again.")
    # It went, and another comes in its place, which knows nothing of the page.
    server.process.kill()
    server.process.communicate()
    start = time.monotonic()
    expect(page.locator("#lost")).to_have_text(re.compile("Nothing is heard from the server"))
    assert time.monotonic() - start < 3
    other = started("--port", str(urlsplit(server.address).port))
    expect(page.locator("#message")).to_have_text(re.compile("has the picture again"))
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.get_by_label(re.compile("^heart"))).to_be_checked()
    page.click("#explain")
    done(page)
    page.context.close()
    ended(other)
    errors.clear()  # the browser notes every try


def test_a_picture_of_ones_own_that_a_new_server_gets_again(browser, errors, tmp_path):
    server = started()
    page = new_page(browser, errors, server.address)
    shutil.copy(unmask.demo.pictures()["night"], tmp_path / "my night.png")
    page.set_input_files("#file", tmp_path / "my night.png")
    expect(page.locator(".class")).to_have_count(8)
    server.process.kill()
    server.process.communicate()
    other = started("--port", str(urlsplit(server.address).port))
    expect(page.locator("#message")).to_have_text(re.compile("has the picture again"))
    expect(page.locator("#picture-name")).to_have_text("my night.png, 480 × 360")
    page.context.close()
    ended(other)
    errors.clear()


def test_a_link_says_what_it_needs(browser, errors, address, tmp_path):
    page = new_page(browser, errors, address, permissions=["clipboard-read", "clipboard-write"])
    page.set_input_files("#file", unmask.demo.pictures()["night"])
    expect(page.locator(".class")).to_have_count(8)
    page.get_by_label(re.compile("^bolt")).check()
    page.click("#explain")
    done(page)
    page.click("#link")
    expect(page.locator("#link-hint")).to_have_text(re.compile("model unmask demo.*night.png"))
    copied = page.evaluate("navigator.clipboard.readText()")
    page.context.close()

    page = new_page(browser, errors, copied)
    expect(page.locator("#needs")).to_have_text(re.compile("picture night.png: choose that"))
    page.set_input_files("#file", unmask.demo.pictures()["night"])
    expect(page.locator("#classes input:checked")).to_have_count(2)
    expect(page.get_by_label(re.compile("^bolt"))).to_be_checked()
    expect(page.locator("#needs")).to_be_hidden()
    page.context.close()

    page = new_page(browser, errors, address + "?example=fox.jpg&of=mobilenet")
    expect(page.locator("#needs")).to_have_text(re.compile("model mobilenet.*example fox.jpg"))
    page.context.close()


def test_a_picture_over_the_limit_is_made_smaller_here(browser, errors, address, tmp_path):
    large = tmp_path / "large.png"
    Image.new("RGB", (6000, 5000), "teal").save(large)
    page = new_page(browser, errors, address)
    page.set_input_files("#file", large)
    expect(page.locator("#picture-name")).to_have_text(
        re.compile(r"^large.png, 5,\d+ × 4,\d+, made smaller here, from 6,000 × 5,000 pixels"),
        timeout=PATIENCE,
    )
    page.context.close()


@pytest.mark.parametrize("shape", [(60, 360), (360, 60), (20, 14), (200, 40), (700, 900)], ids=str)
def test_pictures_of_every_shape(browser, errors, address, tmp_path, shape):
    """Tall, wide and tiny, white and dark; on a desk, and in the hand that turns to it."""
    width, height = shape
    picture = tmp_path / "picture.png"
    Image.new("RGB", shape, {60: "white", 360: "black"}.get(width, "gray")).save(picture)
    page = new_page(browser, errors, address + "?masks=64")
    page.set_input_files("#file", picture)
    expect(page.locator(".class")).to_have_count(8)
    page.click("#explain")
    done(page)
    page.check("#certainty")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        for view in ("map", "picture", "overlay"):
            page.click(f"#views [data-view={view}]")
            box = page.locator(f"#c-{view}").bounding_box()
            assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.05)
            assert box["height"] <= size["height"]
            # As large as there is room: its height, or the width of its column.
            assert max(box["width"] / size["width"], box["height"] / size["height"]) > 0.5
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser, errors, address, size):
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    page = new_page(browser, errors, address, size)
    expect(page.locator("#examples button")).to_have_count(4)

    def found():
        wrong = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            violations = axe.run(page).response["violations"]
            wrong += [(scheme, one["id"], one["nodes"][0]["html"]) for one in violations]
        return wrong

    assert found() == []
    page.click("#examples button >> nth=2")
    expect(page.locator(".class")).to_have_count(8)
    page.click("#why-button")
    page.click("#settings-box summary")
    page.fill("#set-max_masks", "64")
    assert found() == []
    page.click("#explain")
    done(page)
    page.check("#certainty")
    page.click("#code summary")
    expect(page.locator("#doubts")).to_be_visible()
    assert found() == []
    page.context.close()
