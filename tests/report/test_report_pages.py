"""The pages of a report: what they say, that everything is escaped, where they go; no browser needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("markdown_it")
pytest.importorskip("pygments")

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.program import Scenario
from mremapdsl.report.compare import first_difference
from mremapdsl.report.html import Html, el
from mremapdsl.report.prose import prose, sentence, summary, titled
from mremapdsl.report.scenario import keys
from mremapdsl.trace.markdown import address

LORE = "https://lore.kernel.org/all/"
VOID = {"meta", "link", "input", "br", "hr"}
MERGE = """\
## Moved next to B
##
## The series of @<20250609133144.52d2b@example.org>: see `RELOCATE`.
mmap B 16; touch B; mmap A 16; touch A
## Now it moves.
mremap A after B RELOCATE
expect merged
"""
PARTING = """\
scenario "the offset of what stays" on linux-6.18, linux-7.3 {
    mmap A 4; touch A
    mremap A B
    mremap B C DONTUNMAP
    expect B.anon_vma == none
    expect B.pgoff == A.page on linux-6.18
    expect B.pgoff == B.page on linux-7.3
}
"""
HOSTILE = r"""
## # <script>alert(1)</script> "quoted" & 'single'
## <img src=x onerror=alert(1)> [link](javascript:alert(1)) ![picture](http://example.org/x.png) </noscript><b>
scenario "</title><script>alert(2)</script> \" onload=alert(3) '" {
    mmap A 4
    ## </noscript><script>alert(4)</script>
    touch A  # </span><script>alert(5)</script>
    expect vmas 2
}
"""


class Checker(HTMLParser):
    """Holds elements against each other, and collects ids, links and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.attributes: set[str] = set()
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes.update(found)
        if tag not in VOID:
            self.open.append(tag)
        if (own := found.get("id")) is not None:
            self.ids.append(own)
        if tag == "a":
            self.links.append(found.get("href") or "")
        if tag in ("script", "img", "link") and (source := found.get("src") or found.get("href")):
            self.loaded.append(source)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag, (tag, self.open)


def checked(path: Path) -> Checker:
    found = Checker()
    found.feed(path.read_text(encoding="utf-8"))
    found.close()
    assert found.open == []
    return found


def report(tmp_path: Path, status: int = 0, *more: str, **files: str) -> Path:
    """The report of these files."""
    source = tmp_path / "source"
    for name, text in files.items():
        path = source / f"{name.replace('__', '/')}.mrs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    site = tmp_path / "site"
    assert main(["report", str(source), "-o", str(site), "--jobs", "1", *more]) == status
    return site


def pages(site: Path) -> Iterator[Path]:
    yield from sorted(site.rglob("*.html"))


# --- content -------------------------------------------------------------------------------------------------------


def test_a_scenario_page_has_prose_source_steps_and_verdicts(tmp_path: Path) -> None:
    site = report(tmp_path, moving__merge=MERGE, other=MERGE)
    text = (site / "scenarios/moving/merge.html").read_text(encoding="utf-8")
    assert "<h1>Moved next to B</h1>" in text
    assert 'href="https://lore.kernel.org/all/20250609133144.52d2b@example.org/"' in text
    assert "<code>RELOCATE</code>" in text
    assert 'id="L4"' in text
    assert '<a href="#step-1" class="ln" title="Go to the first step of line 4">4</a>' in text
    assert 'id="step-5"' in text
    assert "<p>Now it moves.</p>" in text
    assert "moved to 1016 as if born there" in text
    assert "mm/mremap.c:relocate_anon_folios" in text
    assert "anon-vmas-differ" in text
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="m"' in text
    assert "which reaches beyond it on the left" in text
    assert '<a href="#L4">line 4</a> <code class="hl"><span class="k">touch</span>' in text, "sentences lead to lines"


def test_the_index_lists_scenarios_by_topic(tmp_path: Path) -> None:
    site = report(tmp_path, 1, moving__merge=MERGE, moving__far__fails="mmap A 4; expect vmas 3", top=PARTING)
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "3 scenarios, 4 runs under 3 rule sets" in text
    assert re.findall(r'<section class="topic" id="([^"]*)"', text) == [
        "topic-scenarios",
        "topic-moving",
        "topic-moving-far",
    ]
    assert "Moved next to B" in text
    assert 'data-outcome="failed"' in text
    assert "Now it moves" not in text


def test_files_with_several_scenarios_have_a_page_of_their_own(tmp_path: Path) -> None:
    several = "## About both\n##\n## Words.\n\n"
    several += 'scenario "one" { mmap A 1; expect vma A }\nscenario "two" { mmap A 2; expect vma A }\n'
    site = report(tmp_path, both=several)
    found = sorted(path.relative_to(site).as_posix() for path in pages(site))
    assert found == ["index.html", "scenarios/both.html", "scenarios/both/1-one.html", "scenarios/both/2-two.html"]
    one = (site / "scenarios/both/1-one.html").read_text(encoding="utf-8")
    assert "About the file: About both" in one
    assert 'id="L5"' in one
    assert 'id="L6"' not in one, "only the scenario's own lines"
    assert 'id="L6"' in (site / "scenarios/both.html").read_text(encoding="utf-8")


def test_rule_sets_stand_side_by_side_and_the_first_difference_is_marked(tmp_path: Path) -> None:
    site = report(tmp_path, x=PARTING)
    text = (site / "scenarios/x.html").read_text(encoding="utf-8")
    assert "They first part at step 4." in text
    [row] = re.findall(r'<tr class="parting">.*?</tr>', text)
    assert "here they part" in row
    assert "DONTUNMAP" in row
    assert "pgoff 1000 (shifted -1000)" in row
    assert 'id="linux-6.18-step-4"' in text
    assert 'id="linux-7.3-step-4"' in text
    assert "not expected" in text


def test_the_index_tells_where_rule_sets_part(tmp_path: Path) -> None:
    site = report(tmp_path, 0, x=PARTING, y=MERGE)
    text = (site / "index.html").read_text(encoding="utf-8")
    assert text.count(", parting at step 4</span>") == 1
    assert "Rule sets part in 1: “parting” finds them." in text


def test_rule_sets_that_agree_need_no_table(tmp_path: Path) -> None:
    site = report(tmp_path, x='scenario "x" on linux-6.12, linux-6.18 { mmap A 1; expect vma A }')
    text = (site / "scenarios/x.html").read_text(encoding="utf-8")
    assert "Both rule sets do the same at every step." in text
    assert "<table" not in text


def test_a_scenario_that_branches_says_so(tmp_path: Path) -> None:
    choose = "mmap A 4; touch A\n    choose {{ fork }} or {{ pin A[0] }}\n    mremap A B RELOCATE\n    {}\n"
    held = choose.format("expect sometimes fallback; expect sometimes violation; expect never merged")
    rules = "relocate-v1, relocate-v1 with pinned=abort"
    two = f'scenario "x" on {rules} {{ {choose.format("expect sometimes violation")} }}'
    site = report(tmp_path, 1, held=held, two=two)
    text = (site / "scenarios/held.html").read_text(encoding="utf-8")
    assert "The scenario branches: 2 runs" in text
    assert "The steps are those of one run." in text
    opening, _, steps = text.partition('<article class="step"')
    for words in ("it holds at 1 of 2 points", "it holds at 0 of 2 points"):
        assert words in opening
        assert words not in steps
    assert '<span class="kr">expect</span> <span class="ow">sometimes</span>' in opening
    text = (site / "scenarios/two.html").read_text(encoding="utf-8")
    assert "what is expected is judged over all runs" in text
    [row] = re.findall(r'<tr class="parting">.*?</tr>', text)
    assert "held: it holds at 1 of 2 points" in row
    assert "failed: no run reaches it (2 points looked at)" in row
    assert "The steps are those of the shortest run that fails." in text


def test_where_rule_sets_part() -> None:
    records = api.run(PARTING)
    assert first_difference(records) == 4
    assert first_difference(records[:1] * 2) is None


def test_failures_and_breaches_are_shown(tmp_path: Path) -> None:
    site = report(tmp_path, 1, x="mmap A 4\nmunmap A fails EINVAL\nexpect vmas 3")
    text = (site / "scenarios/x.html").read_text(encoding="utf-8")
    assert "the call should fail with EINVAL but succeeded" in text
    assert 'class="step failed"' in text


def test_layouts_that_differ_stand_one_below_the_other(tmp_path: Path) -> None:
    site = report(tmp_path, 1, x='mmap A 4; touch A\nexpect layout A "AAAAAA"')
    text = (site / "scenarios/x.html").read_text(encoding="utf-8")
    assert "expected &quot;AAAAAA&quot;\nhave     &quot;AAAA..&quot;</pre>" in text


def test_an_error_is_marked_in_the_source(tmp_path: Path) -> None:
    waits = "mmap A 4; touch A\nmremap A B RELOCATE during relocation { munmap A }\nexpect relocated"
    site = report(tmp_path, 2, x=waits)
    text = (site / "scenarios/x.html").read_text(encoding="utf-8")
    assert re.search(r'id="L2" class="line">.*?<span class="mark error" title="in error">!</span>', text)


def test_unusable_files_are_listed_with_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = report(tmp_path, 2, bad="mmap <A>", good=MERGE)
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "1 file(s) could not be used." in text
    assert "mmap &lt;A&gt;" in text
    assert "error" in capsys.readouterr().err


# --- form ------------------------------------------------------------------------------------------------------------


def test_pages_are_sound_and_their_links_lead_somewhere(tmp_path: Path) -> None:
    site = report(tmp_path, 1, a__merge=MERGE, a__b__parting=PARTING, hostile=HOSTILE)
    found = {path: checked(path) for path in pages(site)}
    for path, page in found.items():
        assert len(page.ids) == len(set(page.ids)), [i for i in page.ids if page.ids.count(i) > 1]
        for link in (*page.links, *page.loaded):
            parts = urlsplit(link)
            if parts.scheme:
                assert link in ("data:,", "http://example.org/x.png") or link.startswith(LORE), link
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            assert target.exists(), (path, link)
            if parts.fragment and target in found:
                assert unquote(parts.fragment) in found[target].ids, (path, link)


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    site = report(tmp_path, 1, merge=MERGE, hostile=HOSTILE)
    for path in pages(site):
        assert set(checked(path).loaded) <= {
            "data:,",
            *(f"{'../' * n}assets/report.{e}" for n in range(4) for e in ("js", "css")),
        }
    style = (site / "assets/report.css").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)", style)


def test_what_is_written_in_scenarios_stays_text(tmp_path: Path) -> None:
    site = report(tmp_path, 1, hostile=HOSTILE)
    for path in pages(site):
        page = checked(path)
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script>(?!document\.documentElement)", text)
        assert "<img" not in text
        assert not {name for name in page.attributes if name.startswith("on")}
        assert not [link for link in page.links if link.startswith("javascript")]
        for waiting in re.findall(r"<noscript>(.*?)</noscript>", text, re.DOTALL):
            inner = Checker()
            inner.feed(waiting)
            assert inner.open == [], "no </noscript> came from the scenario"


def test_the_site_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    files = {f"t{i % 3}__s{i}": MERGE.replace("16", str(i + 1)) for i in range(12)} | {"x": PARTING}
    one = report(tmp_path / "1", **files)
    text = (tmp_path / "1" / "source").as_posix()
    many = tmp_path / "many"
    assert main(["report", text, "-o", str(many), "--jobs", "3", "-q"]) == 0
    contents = [{p.relative_to(site): p.read_bytes() for p in site.rglob("*") if p.is_file()} for site in (one, many)]
    assert contents[0] == contents[1]


# --- where it goes ---------------------------------------------------------------------------------------------------


def test_a_later_report_replaces_an_older_one(tmp_path: Path) -> None:
    site = report(tmp_path, a__one=MERGE, two=MERGE)
    (site / "mine.txt").write_text("mine")
    (tmp_path / "source/a/one.mrs").unlink()
    report(tmp_path)
    assert not (site / "scenarios/a").exists()
    assert (site / "mine.txt").read_text() == "mine"


def test_a_directory_with_other_content_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    report(tmp_path, 2, x=MERGE)
    assert "is not empty and holds no report" in capsys.readouterr().err
    assert [path.name for path in site.iterdir()] == ["index.html"]
    assert (site / "index.html").read_text() == "mine"


def test_what_cannot_be_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.mrs"
    file.write_text(MERGE)
    for arguments, message in (
        ([str(file), "-o", str(file)], "is not a directory"),
        (["nowhere", "-o", str(tmp_path / "a")], "nowhere: No such file"),
        ([str(file), "-o", str(tmp_path / "b"), "--rules", "linux-9"], "linux-9"),
        ([str(file), "-o", str(tmp_path / "c"), "--jobs", "-1"], "--jobs"),
    ):
        assert main(["report", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_files_of_one_name_get_pages_of_their_own(tmp_path: Path) -> None:
    site = report(tmp_path, **{"a__x y": MERGE, "a__x-y": MERGE})
    found = sorted(path.name for path in (site / "scenarios").iterdir())
    assert found == ["x-y-2.html", "x-y.html"]


# --- parts -----------------------------------------------------------------------------------------------------------


def test_elements_escape_what_is_not_html() -> None:
    assert el("p", "<b>", Html("<i></i>"), title='"&', hidden=True, id=None) == (
        '<p title="&quot;&amp;" hidden>&lt;b&gt;<i></i></p>'
    )


def test_citations() -> None:
    assert address("a b/?#@x") == "https://lore.kernel.org/all/a%20b%2F%3F%23@x/"
    assert prose("See @<a@b.c>, `@<x@y>` and <m@n.o>.").count("lore.kernel.org") == 1
    assert "@&lt;x@y&gt;" in prose("`@<x@y>`")


def test_titles_and_summaries() -> None:
    assert titled("# Head #\nText") == ("Head", "Text")
    assert titled("Short line\n\nText") == ("Short line", "Text")
    assert titled("A sentence.\n\nText")[0] == ""
    assert titled("Several\nlines\n\nText")[0] == ""
    assert summary("") == ""
    assert summary("# Head\n\nSome words to say what it is about, *all* of them. " + "x " * 90) == (
        "Some words to say what it is about, <em>all</em> of them."
    )
    assert summary("word " * 60).endswith("word …")
    assert sentence("put `touch A` at line 3 <b>") == (
        'put <code class="hl"><span class="k">touch</span> <span class="nv">A</span></code> at '
        '<a href="#L3">line 3</a> &lt;b&gt;'
    )


def test_runs_under_equal_names_have_keys_of_their_own() -> None:
    [record] = api.run("mmap A 1; expect vma A")
    assert isinstance(record.scenario, Scenario)
    assert keys([record]) == [""]
    assert keys([record] * 3) == ["relocate-v1-", "relocate-v1--2-", "relocate-v1--3-"]
