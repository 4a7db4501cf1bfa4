"""The pages of a report in a browser: steps, keys, addresses, the filter, schemes, narrow screens, print, speed."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pygments")

from browser import Browser, Page, executable

from mremapdsl.cli import main

LONG_NAME = "A_place_with_a_name_that_is_far_longer_than_a_phone_is_wide"
FILES = {
    "moving/merge": (
        "## Moved next to B\n##\n## Why: @<20250609133144.52d2b@example.org>.\n"
        "mmap B 16; touch B; mmap A 16; touch A\nmremap A after B RELOCATE\nexpect merged\nexpect A.pgoff == none\n"
    ),
    "moving/parting": (
        'scenario "the offset of what stays" on linux-6.18, linux-7.3 {\n    mmap A 4; touch A\n    mremap A B\n'
        "    mremap B C DONTUNMAP\n    expect B.pgoff == A.page on linux-6.18\n}\n"
    ),
    "failing": "mmap A 4; touch A\nfork\nexpect vmas 3\nmunmap A\n",
    "waiting": "mmap A 4; touch A\nmigrate A begin\ntouch A\nexpect vma A\n",
    "long": f"mmap {LONG_NAME} 1G\ntouch {LONG_NAME}[0]\nfork\nexpect vma {LONG_NAME}\n",
    "many": "mmap A 4; touch A\nfor i in 0..999 { mremap A B; mremap B A }\nexpect vma A\n",
}
STEPS = "document.querySelectorAll('.step.current').length"
SHOWN = "document.querySelector('.run.current .step.current').id"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("report")
    for name, text in FILES.items():
        path = home / "source" / f"{name}.mrs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert main(["report", str(home / "source"), "-o", str(home / "site"), "-q", "--jobs", "1"]) == 2
    return home / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = executable()
    if path is None:
        pytest.skip("no Chromium on this machine (Debian has it as `chromium`; MREMAPDSL_CHROMIUM names another)")
    with Browser(path) as made:
        try:
            made.send("Browser.getVersion")
        except (OSError, RuntimeError) as error:
            pytest.skip(f"{path} does not start here: {error}")
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.page() as made:
        yield made
        assert made.errors() == []


def colour(page: Page, element: str = "body", what: str = "backgroundColor") -> str:
    return str(page.run(f"getComputedStyle(document.querySelector('{element}')).{what}"))


# --- steps -----------------------------------------------------------------------------------------------------------


def test_one_goes_through_the_steps_with_keys_and_buttons(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/merge.html")
    assert page.run(SHOWN) == "step-1"
    page.press("ArrowRight", 39)
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-3"
    page.press("ArrowLeft", 37)
    assert page.run(SHOWN) == "step-2"
    assert page.run("location.hash") == "#step-2"
    assert page.run("document.querySelector('.bar [role=status]').textContent").startswith("Step 2 of 5: touch B = ok")
    page.run("document.querySelector('[aria-label=\"Last step\"]').click()")
    assert page.run(SHOWN) == "step-5"
    assert page.run("document.querySelector('[aria-label=\"Next step\"]').ariaDisabled") == "true"
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-5"
    assert page.run("document.querySelector('.step.current svg').getBoundingClientRect().width") > 300
    assert page.run("document.querySelector('.line.now').id") == "L5"


def test_home_and_end_work_among_the_buttons_and_scroll_elsewhere(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/merge.html")
    page.press("End", 35)
    assert page.run(SHOWN) == "step-1"
    page.run("document.querySelector('[aria-label=\"Next step\"]').focus()")
    page.press("End", 35)
    assert page.run(SHOWN) == "step-5"
    page.press("Home", 36)
    assert page.run(SHOWN) == "step-1"


def test_keys_in_fields_and_with_modifiers_are_left_alone(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/merge.html")
    page.run("document.querySelector('main').append(Object.assign(document.createElement('pre'), {tabIndex: 0}))")
    page.run("document.querySelector('pre:not(.listing)').focus()")
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-1", "it scrolls what is wide"
    page.run("document.querySelector('.listing').focus()")
    page.press("ArrowRight", 39)
    page.press("ArrowLeft", 37)
    assert page.run(SHOWN) == "step-1", "the source is never too wide"
    page.run("document.querySelector('.bar input').focus()")
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-2", "the slider itself moves by one"


def test_an_address_leads_to_its_step(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/merge.html", "step-4")
    assert page.run(SHOWN) == "step-4"
    page.run("document.querySelector('.ln[title]').click()")
    page.wait(f"{SHOWN} === 'step-1'")
    page.run("location.hash = '#step-3'")
    page.wait(f"{SHOWN} === 'step-3'")


def test_a_failed_scenario_opens_where_it_failed(page: Page, site: Path) -> None:
    page.open(site / "scenarios/failing.html")
    assert page.run(SHOWN) == "step-3"
    assert "parent has 1 VMA(s), expected 3" in page.run("document.querySelector('.step.current').textContent")


def test_a_scenario_in_error_opens_at_its_last_step(page: Page, site: Path) -> None:
    page.open(site / "scenarios/waiting.html")
    assert page.run(SHOWN) == "step-3"


def test_rule_sets_are_chosen_by_their_links(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/parting.html")
    assert page.run("document.querySelectorAll('.run.current').length") == 1
    page.run("document.querySelectorAll('.outcomes a')[1].click()")
    page.wait(f"{SHOWN} === 'linux-7.3-step-1'")
    assert page.run("document.querySelector('.outcomes [aria-current]').textContent") == "linux-7.3"
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "linux-7.3-step-2"


def test_all_steps_at_once(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/merge.html")
    page.run("[...document.querySelectorAll('.bar button')].find((b) => b.textContent === 'All steps').click()")
    page.wait("document.querySelectorAll('.step svg').length === 10")
    assert page.run("[...document.querySelectorAll('.step')].every((s) => s.offsetHeight > 0)")


def test_focus_and_names_are_there_for_all_controls(page: Page, site: Path) -> None:
    page.open(site / "scenarios/moving/parting.html")
    unnamed = "[...document.querySelectorAll('button, input, select, a')].filter((e) => e.offsetParent && "
    unnamed += "!(e.textContent.trim() || e.getAttribute('aria-label') || (e.labels && e.labels.length))).length"
    assert page.run(unnamed) == 0
    assert page.run("document.querySelectorAll('main, header, footer, nav').length") >= 4
    page.press("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"


# --- index -----------------------------------------------------------------------------------------------------------


def test_the_filter_narrows_the_list(page: Page, site: Path) -> None:
    page.open(site / "index.html")
    visible = "[...document.querySelectorAll('.entry')].filter((e) => e.offsetParent).length"
    assert page.run(visible) == len(FILES)
    kind = "const w = document.getElementById('words'); w.value = '{}'; w.dispatchEvent(new Event('input'))"
    page.run("{" + kind.format("MOVING next") + "}")
    assert page.run(visible) == 1
    assert page.run("document.getElementById('matches').textContent") == f"1 of {len(FILES)} scenarios"
    assert page.run("[...document.querySelectorAll('.topic')].filter((t) => t.offsetParent).length") == 1
    page.run("{" + kind.format("linux-7.3") + "}")
    assert page.run(visible) == 1
    page.run("{" + kind.format("") + "}")
    page.run("{const o = document.getElementById('outcome'); o.value = 'failed'; o.dispatchEvent(new Event('change'))}")
    assert page.run(visible) == 1


# --- screens, schemes, paper -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index", "scenarios/long", "scenarios/moving/merge", "scenarios/moving/parting"])
def test_a_phone_does_not_scroll_sideways(browser: Browser, site: Path, name: str) -> None:
    with browser.page(width=390, height=844) as page:
        page.open(site / f"{name}.html")
        assert page.run("document.documentElement.scrollWidth") <= 390
        page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.press("ArrowRight", 39)
        assert page.run("document.documentElement.scrollWidth") <= 390
        if name != "index":
            box = "document.querySelector('.step.current .picture.narrow svg').getBoundingClientRect().width"
            assert 300 <= page.run(box) <= 390
        assert page.errors() == []


def test_dark_and_light_follow_the_reader(browser: Browser, site: Path) -> None:
    found: dict[bool, tuple[str, ...]] = {}
    for dark in (False, True):
        with browser.page(dark=dark) as page:
            page.open(site / "scenarios/moving/merge.html")
            found[dark] = (colour(page), colour(page, "body", "color"), colour(page, ".step.current rect.vu", "fill"),
                           colour(page, ".hl .k", "color"))  # fmt: skip
    assert all(one != other for one, other in zip(found[False], found[True], strict=True))
    assert found[False][0] == "rgb(255, 255, 255)"


def test_print_shows_every_step_on_light_paper(browser: Browser, site: Path) -> None:
    with browser.page(dark=True) as page:
        page.open(site / "scenarios/moving/parting.html")
        pdf = base64.b64decode(page.send("Page.printToPDF", printBackground=True)["data"])
        assert pdf.startswith(b"%PDF")
        page.run("dispatchEvent(new Event('beforeprint'))")
        page.emulate(dark=True, media="print")
        assert page.run(
            "[...document.querySelectorAll('.step')].every((s) => s.offsetHeight > 0 && s.querySelector('svg'))"
        )
        assert page.run("document.querySelector('.bar').offsetHeight") == 0
        assert colour(page) == "rgb(255, 255, 255)"
        assert page.errors() == []


def test_without_a_script_everything_is_there(browser: Browser, site: Path) -> None:
    with browser.page() as page:
        page.send("Emulation.setScriptExecutionDisabled", value=True)
        page.open(site / "scenarios/moving/merge.html")
        assert page.run("document.querySelectorAll('.step').length") == 5
        assert (
            page.run(
                "[...document.querySelectorAll('.step svg')].filter((s) => s.getBoundingClientRect().width).length"
            )
            == 5
        )


# --- speed, and text in its place ------------------------------------------------------------------------------------


def test_two_thousand_steps_stay_quick(page: Page, site: Path) -> None:
    started = time.monotonic()
    page.open(site / "scenarios/many.html", "step-1500")
    page.wait(f"{STEPS} === 1")
    page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-1501"
    ready = time.monotonic() - started
    assert page.run("document.querySelectorAll('.step').length") == 2000
    assert page.run("document.querySelectorAll('*').length") < 12_000
    started = time.monotonic()
    for _ in range(20):
        page.press("ArrowRight", 39)
    assert page.run(SHOWN) == "step-1521"
    stepped = time.monotonic() - started
    print(f"2,000 steps: usable after {ready:.2f} s, 20 steps in {stepped:.2f} s")
    assert ready < 8, "a couple of seconds, with room for a busy machine"
    assert stepped < 5


OVERLAPS = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll('.step.current .picture svg')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const texts = [...svg.querySelectorAll('text')].map((t) => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([text, a], i) => {
      if (a.right > frame.right + 1 || a.left < frame.left - 1 || a.bottom > frame.bottom + 1) found.push(text);
      for (const [other, b] of texts.slice(i + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2)
          found.push(text + ' over ' + other);
    });
  }
  return found;
})()
"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["long", "moving/merge", "moving/parting"])
def test_no_text_of_a_picture_lies_over_another(browser: Browser, site: Path, name: str, width: int) -> None:
    with browser.page(width=width) as page:
        page.open(site / f"scenarios/{name}.html")
        for _ in range(5):
            assert page.run(OVERLAPS) == []
            page.press("ArrowRight", 39)
