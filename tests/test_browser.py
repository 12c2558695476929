"""What a reader's browser makes of the pages: no errors, and the player steps to the end with the right numbers.

A headless Chromium is driven by selenium (the extra ``browser``; Debian has ``chromium`` and ``chromium-driver``). Where
one of them is missing, the tests are skipped and say what is.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tape_ad import Glance, Player, Tape, Tensor

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "docs" / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDE, NARROW = (1200, 900), (320, 640)

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install '.[browser]'")
found = next(filter(None, map(shutil.which, BROWSERS)), None)
helper = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (found and helper), reason="chromium or chromedriver is missing: apt-get install chromium chromium-driver"
)


class Page:
    """An open browser: what a test does to a page and sees of it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
        """Open a file in a window of that size, on a system that prefers that colour scheme."""
        width, height = size
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.errors()
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """Return what the console was told since the last question."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]

    def press(self, selector: str, *keys: str) -> None:
        element = self.driver.find_element("css selector", selector)
        for key in keys:
            element.send_keys(key)

    def said(self, root: str = ".tape-ad-player") -> str:
        """Return the sentence of the live region."""
        return str(self.run("return document.querySelector(arguments[0] + ' .said').textContent", root))

    def place(self) -> str:
        return str(self.run("return document.querySelector('.tape-ad-player output').textContent"))

    def boxes(self) -> list[list[str]]:
        """Return the lines of text in each box of the tape, in tape order."""
        script = """
            const nodes = [...document.querySelectorAll(".node[data-node]")];
            nodes.sort((a, b) => a.dataset.node - b.dataset.node);
            return nodes.map((node) => [...node.querySelectorAll("text")].map((text) => text.textContent));
        """
        return [[str(line) for line in lines] for lines in self.run(script)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = found
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--force-device-scale-factor=1"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which the superuser cannot have
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(helper))
    yield Page(driver)
    driver.quit()


def textbook() -> tuple[Tape, dict[str, Tensor]]:
    a, b, c = (Tensor([1.0 + k, 2.0], autograd=True) for k in range(3))
    d = a + b
    e = b + c
    f = d + e
    return Tape.of(f), {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f}


def network() -> tuple[Tape, dict[str, Any]]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 4)), rng.standard_normal((32, 2))
    w1, b1, w2, b2 = (Tensor(rng.standard_normal(shape), autograd=True) for shape in ((4, 8), 8, (8, 2), 2))
    hidden: Any = np.tanh(x @ w1 + b1)
    loss: Any = np.mean((hidden @ w2 + b2 - y) ** 2)
    return Tape.of(loss), {"w1": w1, "b1": b1, "w2": w2, "b2": b2, "hidden": hidden}


SEED = np.array([1.0, 0.5])


@pytest.fixture
def player(tmp_path: Path) -> tuple[Path, Player, Tape]:
    tape, names = textbook()
    played = tape.play(SEED, names=names)
    path = tmp_path / "player.html"
    played.save(str(path))
    return path, played, tape


def final_boxes(tape: Tape) -> list[tuple[str, str, str]]:
    """Return what the boxes must say at the end: children heard, value, gradient."""
    gradients = tape.backward(SEED)
    rows = []
    for t in tape.tensors:
        count = tape.child_counts[t]
        heard = f"children heard {count} of {count}" if count else "seed heard 1 of 1"
        rows.append((heard, f"value {Glance.of(t.data)}", f"gradient {Glance.of(gradients[t])}"))
    return rows


KEYS = {"ArrowRight": "\ue014", "ArrowLeft": "\ue012", "Home": "\ue011", "End": "\ue010"}


@pytest.mark.parametrize("focus", ["input", "[data-do=next]", ".view"])
def test_the_player_steps_to_the_end_by_keyboard_wherever_the_focus_is(
    page: Page, player: tuple[Path, Player, Tape], focus: str
) -> None:
    path, played, tape = player
    page.open(path)
    said = [page.said()]
    for _ in range(len(played.steps) + 1):  # one more than there are
        page.press(focus, KEYS["ArrowRight"])
        said.append(page.said())

    assert [str(step) for step in played.steps] == said[:-2]
    assert final_boxes(tape) == [tuple(lines[2:]) for lines in page.boxes()]
    assert f"{len(played.steps)} / {len(played.steps)}" == page.place()
    page.press(focus, KEYS["Home"])
    assert str(played.steps[0]) == page.said()
    assert ["1 child", "2 children", "1 child", "1 child", "1 child", "0 children"] == [b[2] for b in page.boxes()]
    assert [""] * 5 == [lines[3] for lines in page.boxes()[1:]]
    page.press(focus, KEYS["End"], KEYS["ArrowLeft"])
    assert str(played.steps[-2]) == page.said()
    assert [] == page.errors()


def test_the_player_steps_to_the_end_by_the_slider_and_by_the_buttons(
    page: Page, player: tuple[Path, Player, Tape]
) -> None:
    path, played, tape = player
    page.open(path)
    for number in (5, 10, len(played.steps)):
        page.run(
            "const s = document.querySelector('input'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
            number,
        )
        assert str(played.steps[number - 1]) == page.said()
    assert final_boxes(tape) == [tuple(lines[2:]) for lines in page.boxes()]

    page.run(
        "document.querySelector('input').value = 1; document.querySelector('input').dispatchEvent(new Event('input'))"
    )
    for _ in played.steps:
        page.driver.find_element("css selector", "[data-do=next]").click()
    assert final_boxes(tape) == [tuple(lines[2:]) for lines in page.boxes()]
    page.driver.find_element("css selector", "[data-do=back]").click()
    assert str(played.steps[-2]) == page.said()
    assert [] == page.errors()


def test_the_player_plays_by_itself_and_pauses(page: Page, player: tuple[Path, Player, Tape]) -> None:
    path, played, _ = player
    page.open(path)
    # The clock is the test's own: what the page asks to be done each second is done when the test says so.
    page.run("window.ticks = []; window.setInterval = (tick) => window.ticks.push(tick)")
    button = page.driver.find_element("css selector", "[data-do=play]")
    button.click()
    assert button.text == "Pause"
    page.run("window.ticks[0]()")
    assert str(played.steps[1]) == page.said()
    button.click()
    assert button.text == "Play"
    button.click()
    for _ in played.steps[2:]:
        page.run("window.ticks[1]()")
    assert str(played.steps[-1]) == page.said()
    assert button.text == "Play"
    button.click()
    assert str(played.steps[0]) == page.said()
    assert [] == page.errors()


def test_a_node_that_hears_one_child_of_two_says_so_and_the_line_points_at_it(
    page: Page, player: tuple[Path, Player, Tape]
) -> None:
    path, played, _ = player
    page.open(path)
    number = next(i for i, step in enumerate(played.steps) if step.due == 2)
    page.press("input", *[KEYS["ArrowRight"]] * number)
    step = played.steps[number]
    active = page.run("return [...document.querySelectorAll('.line.active')].map((line) => ({...line.dataset}))")
    heads = page.run(
        "return ['.up', '.down'].map((head) => getComputedStyle(document.querySelector('.line.active ' + head)).display)"
    )

    assert ["children heard 1 of 2", "value [2, 2]", "so far [1, 0.5]"] == page.boxes()[step.node][2:]
    assert [{"to": str(step.sender), "operand": str(step.operand)}] == active
    assert ["inline", "none"] == heads
    assert [str(step.node)] == page.run(
        "return [...document.querySelectorAll('.active[data-node]')].map((n) => n.dataset.node)"
    )


def test_two_players_on_one_page_step_each_for_itself(page: Page, tmp_path: Path) -> None:
    (one, one_names), (other, other_names) = textbook(), network()
    first, second = one.play(SEED, names=one_names), other.play(names=other_names)
    path = tmp_path / "both.html"
    parts = [first._repr_html_(), second._repr_html_(), first._repr_html_(), one.draw()._repr_html_()]
    path.write_text(
        f"<!doctype html><meta charset=utf-8><link rel=icon href='data:,'>{''.join(parts)}", encoding="utf-8"
    )
    page.open(path)
    page.run("document.querySelectorAll('.tape-ad-player').forEach((root, i) => { root.classList.add('p' + i) })")
    page.press(".p1 input", KEYS["End"])
    page.press(".p0 [data-do=next]", KEYS["ArrowRight"])

    assert [str(first.steps[1]), str(second.steps[-1]), str(first.steps[0])] == [page.said(f".p{i}") for i in range(3)]
    assert [] == page.run("return [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert [] == page.errors()


def test_a_hostile_name_runs_nothing(page: Page, tmp_path: Path) -> None:
    tape, names = textbook()
    hostile = "</text></li></script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"
    path = tmp_path / "hostile.html"
    tape.play(SEED, names={hostile: names["b"]}).save(str(path))
    page.open(path)
    page.press("input", KEYS["End"])

    assert hostile in page.said()
    assert page.run("return window.hit === undefined")
    assert [] == page.errors()


# --- how it looks ---------------------------------------------------------------------------------------------------
OUTSIDE = """
    const found = [];
    for (const node of document.querySelectorAll(".node")) {
      const box = node.querySelector(".box").getBBox();
      for (const text of node.querySelectorAll("text")) {
        const inner = text.getBBox();
        if (text.textContent && (inner.x < box.x || inner.x + inner.width > box.x + box.width
            || inner.y < box.y - 1 || inner.y + inner.height > box.y + box.height + 1)) found.push(text.textContent);
      }
    }
    return found;
"""

CONTRASTS = """
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (color) => {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((x) => x / 255)
        .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const found = [];
    for (const node of document.querySelectorAll(".node")) {
      const fill = getComputedStyle(node.querySelector(".box")).fill;
      for (const text of node.querySelectorAll("text")) found.push(contrast(getComputedStyle(text).fill, fill));
    }
    const said = document.querySelector(".said");
    found.push(contrast(getComputedStyle(said).color, getComputedStyle(said.closest(".tape-ad-player")).backgroundColor));
    for (const button of document.querySelectorAll(".tape-ad-player button")) {
      found.push(contrast(getComputedStyle(button).color, getComputedStyle(button).backgroundColor));
    }
    return found;
"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("make", [textbook, network])
def test_the_player_is_readable_in_both_schemes_and_on_a_narrow_screen(
    page: Page, tmp_path: Path, make: Any, scheme: str, size: tuple[int, int]
) -> None:
    """Labels lie in their boxes, text has the contrast that WCAG asks for, the page does not scroll sideways, and the node
    that a step is about can be seen."""
    tape, names = make()
    path = tmp_path / "player.html"
    played = tape.play(*([SEED] if make is textbook else []), names=names)
    played.save(str(path))
    page.open(path, size, scheme)
    for number in range(0, len(played.steps), 7):
        page.press("input", KEYS["Home"], *[KEYS["ArrowRight"]] * number)
        seen = page.run("""
            const [box, view] = [".node.active", ".view"].map((s) => document.querySelector(s).getBoundingClientRect());
            return box.left >= view.left - 1 && box.right <= view.right + 1 && box.top >= view.top - 1 && box.bottom <= view.bottom + 1;
        """)
        assert seen, str(played.steps[number])
    page.press("input", KEYS["End"])
    background = page.run("return getComputedStyle(document.body).backgroundColor")

    assert [] == page.run(OUTSIDE)
    assert (
        min(page.run("document.querySelectorAll('.ahead').forEach((n) => n.classList.remove('ahead'));" + CONTRASTS))
        >= 4.5
    )
    assert page.run("return document.documentElement.scrollWidth") <= size[0]
    assert {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme] == background
    assert [] == page.errors()


@pytest.mark.parametrize("attribute", ["data-theme=THEME", "data-jp-theme-light=LIGHT"])
@pytest.mark.parametrize(("theme", "scheme"), [("light", "dark"), ("dark", "light")])
def test_the_theme_of_a_page_goes_before_that_of_the_system(
    page: Page, tmp_path: Path, attribute: str, theme: str, scheme: str
) -> None:
    tape, _ = textbook()
    said = attribute.replace("THEME", theme).replace("LIGHT", str(theme == "light").lower())
    path = tmp_path / "themed.html"
    path.write_text(
        f"<!doctype html><html {said}><link rel=icon href='data:,'><meta charset=utf-8><body>{tape.play(SEED)._repr_html_()}",
        encoding="utf-8",
    )
    page.open(path, WIDE, scheme)
    background = page.run("return getComputedStyle(document.querySelector('.tape-ad-player')).backgroundColor")

    assert {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[theme] == background


def test_a_drawing_of_its_own_opens_and_its_labels_lie_in_their_boxes(page: Page, tmp_path: Path) -> None:
    for make in (textbook, network):
        tape, names = make()
        path = tmp_path / "tape.svg"
        tape.draw(names).save(str(path))
        page.open(path)

        assert len(tape) == len(page.boxes())
        assert [] == page.run(OUTSIDE)
        assert [] == page.errors()


def test_without_the_script_the_steps_are_a_list(page: Page, player: tuple[Path, Player, Tape], tmp_path: Path) -> None:
    path, played, _ = player
    bare = tmp_path / "bare.html"
    bare.write_text(
        re.sub(r"<script>.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL), encoding="utf-8"
    )
    page.open(bare)

    assert [str(step) for step in played.steps] == page.run(
        "return [...document.querySelectorAll('li')].map((i) => i.textContent)"
    )
    assert page.run("return getComputedStyle(document.querySelector('.controls')).display") == "none"


# --- the site -------------------------------------------------------------------------------------------------------
def site_pages() -> list[Path]:
    """Return one page of each kind: each folder's first and longest, and those at the top."""
    pages = sorted(SITE.rglob("*.html")) if SITE.exists() else []
    pages = [found for found in pages if "_static" not in found.parts and "_sources" not in found.parts]
    chosen: list[Path] = []
    for folder in sorted({found.parent for found in pages}):
        here = [found for found in pages if found.parent == folder]
        chosen += here if folder == SITE else [here[0], max(here, key=lambda found: found.stat().st_size)]
    return list(dict.fromkeys(chosen))


@pytest.mark.skipif(not SITE.exists(), reason="the site is not built: python docs/build.py")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_player_in_the_site_plays(page: Page, size: tuple[int, int], scheme: str) -> None:
    """Among the theme's own styles."""
    page.open(SITE / "how_to" / "pictures.html", size, scheme)
    page.press(".tape-ad-player input", KEYS["End"])

    assert "gradient [2, 2]. Complete: a leaf keeps it." in page.said()
    assert "13 / 13" == page.place()
    assert [] == page.run(OUTSIDE)
    assert min(page.run(CONTRASTS)) >= 4.5
    assert page.run("return document.documentElement.scrollWidth") <= size[0]
    assert [] == page.errors()


@pytest.mark.skipif(not SITE.exists(), reason="the site is not built: python docs/build.py")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_kind_of_page_of_the_site_opens_without_errors(page: Page, size: tuple[int, int]) -> None:
    failures = {}
    for path in site_pages():
        for scheme in ("light", "dark"):
            page.open(path, size, scheme)
            errors = page.errors()
            if page.run("return document.documentElement.scrollWidth") > size[0]:
                errors.append("scrolls sideways")
            if page.run("return document.documentElement.dataset.theme") != scheme:
                errors.append("does not take the reader's colour scheme")
            if errors:
                failures[str(path.relative_to(SITE)), scheme] = errors

    assert {} == failures
