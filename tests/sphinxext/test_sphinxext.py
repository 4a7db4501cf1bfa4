"""Scenarios in documents: what is shown, what warns, and when a page is made anew."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx", reason="Sphinx is not installed")
pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")

from sphinx.testing.util import SphinxTestApp
from sphinx.util.console import strip_escape_sequences

from mremapdsl.sphinxext import freshness

CONF = 'extensions = ["mremapdsl.sphinxext"]\nhtml_theme = "basic"\n'
MOVE = """\
## How a move goes
##
## Said in `words` (@<cover.1749473726.git.lorenzo.stoakes@oracle.com>):
##
## - *one*
## - two

## About the first.
scenario "apart" on linux-6.18, relocate-v1 {
    mmap B 4; touch B; mmap A 4; touch A
    ## Here it moves.
    mremap A after B
    expect not merged
}

scenario "together" on relocate-v1 {
    mmap B 4; touch B; mmap A 4; touch A
    mremap A after B RELOCATE
    expect merged
}
"""
FAILING = "mmap A 16\nexpect vmas 2\n"


class Project:
    """A small tree of documents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("conf.py", CONF)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def page(self, text: str) -> None:
        self.write("index.rst", f"Page\n====\n\n{text}\n")

    def build(self, builder: str = "html", **options: Any) -> tuple[str, list[str]]:
        """Build; the page, and the warnings."""
        app = SphinxTestApp(builder, srcdir=self.folder, **options)
        try:
            app.build()
            warnings = strip_escape_sequences(app.warning.getvalue()).splitlines()
            self.read = {*app.env.found_docs} & {*re.findall(r"reading sources\.\.\. .*?\] (\S+)", self.status(app))}
        finally:
            app.cleanup()
        suffix = {"html": "html", "text": "txt"}.get(builder)
        made = Path(app.outdir) / f"index.{suffix}"
        return unescape(made.read_text(encoding="utf-8")) if suffix else "", warnings

    @staticmethod
    def status(app: SphinxTestApp) -> str:
        return strip_escape_sequences(app.status.getvalue())


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "documents"
    folder.mkdir()
    return Project(folder)


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


def test_a_file_is_shown_in_all_its_forms(project: Project) -> None:
    project.write("move.mrs", MOVE)
    project.page(".. mrs:: move.mrs\n   :show: prose, source, trace, picture, table\n   :caption: Two *moves*\n")
    html, warnings = project.build()
    assert warnings == []
    assert "Two <em>moves</em>" in html
    assert "https://lore.kernel.org/all/cover.1749473726.git.lorenzo.stoakes@oracle.com/" in html
    assert "<li><p><em>one</em></p></li>" in html
    assert '<div class="highlight-mrs ' in html
    assert '<div class="highlight-mrs-trace ' in html
    assert "## Here it moves." in plain(html), "the documentation of statements belongs to the source"
    assert "## Said in" not in plain(html), "that of the file is prose"
    assert html.count('<div class="mrs-picture wide">') == 5 * 2, "both rule sets do the same to the first"
    assert html.count('id="m-h1"') == 1
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len({*ids})
    assert "apart linux-6.18, relocate-v1 moved: plain-move 1 held" in plain(html)
    assert "together relocate-v1 relocated 1 held" in plain(html)
    assert ".m .v" in (project.folder / "_build" / "html" / "_static" / "mrs.css").read_text(encoding="utf-8")


def test_other_documents_have_traces_for_pictures(project: Project) -> None:
    project.page(".. mrs::\n   :show: picture\n   :step: last\n\n   mmap A 4; touch A\n")
    text, warnings = project.build("text")
    assert warnings == []
    assert "touch A = ok" in text
    assert "now     AAAA" in text
    assert "svg" not in text
    for builder in ("latex", "man", "texinfo", "xml"):
        assert project.build(builder)[1] == []


def test_a_table_compares_rules(project: Project) -> None:
    text = "   mmap A 4; touch A; pin A[2]\n   mremap A B RELOCATE\n"
    project.page(
        f".. mrs::\n   :show: table\n   :compare: relocate-v1\n   :vary: pinned=abort,move\n   :fails:\n\n{text}"
    )
    html, warnings = project.build()
    assert warnings == []
    assert "rules relocate-v1 pinned=abort pinned=move" in plain(html)
    assert "fallback: pinned-folio relocated" in plain(html)


def test_what_fails_warns_with_its_line_each_time(project: Project) -> None:
    path = project.write("failing.mrs", FAILING)
    project.page(".. mrs:: failing.mrs\n")
    for _ in range(2):
        warnings = project.build()[1]
        assert warnings[0].startswith(f"{path}:2: WARNING: scenario")
        assert "    parent has 1 VMA(s), expected 2" in warnings
    path.write_text("mmap A 16\nexpect vmas 1\n", encoding="utf-8")
    assert project.build()[1] == []


def test_what_is_written_below_has_the_lines_of_the_document(project: Project) -> None:
    project.page(".. mrs::\n\n   mmap A 16\n   expect vmas 2\n\n.. mrs::\n\n   mmap A 16; tuoch A\n")
    warnings = project.build()[1]
    index = project.folder / "index.rst"
    assert any(line.startswith(f"{index}:7: WARNING: scenario") for line in warnings)
    assert any(line.startswith(f"{index}:11: WARNING: ") and "[MRS102]" in line for line in warnings)


@pytest.mark.parametrize(
    ("fails", "text", "said"),
    [
        ("", "mmap A 16; expect vmas 2", ""),
        ("", "mmap A 16; expect vmas 1", "this was to fail, but everything holds"),
        ("MRS201", "touch A", ""),
        ("MRS202", "touch A", "no place is named `A` here"),
        ("", "touch A", "no place is named `A` here"),
        ("MRS201", "mmap A 16; expect vmas 1", "this was to fail with MRS201, but compiles"),
    ],
)
def test_what_is_to_fail_must(project: Project, fails: str, text: str, said: str) -> None:
    project.page(f".. mrs::\n   :fails: {fails}\n   :show: failures\n\n   {text}\n")
    html, warnings = project.build()
    assert bool(warnings) == bool(said)
    assert said in "\n".join(warnings)
    if not said:
        assert ("expected 2" in html) == (not fails)
        assert ("remedy: map it first" in html) == bool(fails)


def test_a_page_is_made_anew_when_its_file_or_the_package_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.write("move.mrs", MOVE)
    project.page(".. mrs:: move.mrs\n   :scenario: together\n\n.. toctree::\n\n   other\n")
    project.write("other.rst", "Other\n=====\n\nNo scenario.\n")
    project.build()
    assert project.read == {"index", "other"}
    project.build()
    assert project.read == set()
    path.write_text(MOVE.replace("together", "joined"), encoding="utf-8")
    os.utime(path, (path.stat().st_mtime + 5,) * 2)
    warnings = project.build()[1]
    assert project.read == {"index"}
    assert "no scenario `together` in move.mrs; there are: apart, joined" in warnings[0]
    path.write_text(MOVE, encoding="utf-8")
    os.utime(path, (path.stat().st_mtime + 10,) * 2)
    assert project.build()[1] == []
    monkeypatch.setattr(freshness, "of_the_package", lambda: 1)
    project.build()
    assert project.read == {"index", "other"}


def test_the_number_of_the_package_follows_its_sources() -> None:
    found = [*freshness.sources()]
    assert len(found) == len({*found})
    assert {"mrs.lark", "reasons.py", "directive.py"} <= {Path(path).name for path in found}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (":show: movie", "`movie` cannot be shown"),
        (":scenario: 3", "no scenario `3`"),
        (":step: x", "`x` is no step"),
        (":show: trace\n   :step: 7", "has the steps 1 to 2"),
        (":rules: linux-1.0", "no rule set is named `linux-1.0`"),
        (":show: table\n   :vary: colour", "no decision `colour`"),
        (":show: table\n   :vary: pinned=blue", "`pinned` has the alternatives skip, abort, move"),
    ],
)
def test_options_that_mean_nothing(project: Project, options: str, said: str) -> None:
    project.page(f".. mrs::\n   {options}\n\n   mmap A 4; touch A\n")
    assert said in "\n".join(project.build("dummy")[1])


@pytest.mark.parametrize("text", [".. mrs::\n", ".. mrs:: nowhere.mrs\n", ".. mrs:: move.mrs\n\n   mmap A 4\n"])
def test_a_directive_needs_one_text(project: Project, text: str) -> None:
    project.write("move.mrs", MOVE)
    project.page(text)
    [warning, *_] = project.build("dummy")[1]
    assert re.search(r"index\.rst:4: .*(name a file|No such file)", warning)


def test_a_console_runs_its_commands_in_a_place_of_its_own(project: Project) -> None:
    project.write("move.mrs", MOVE)
    project.page(
        ".. mrs-console::\n   :lines: 1\n\n   $ mremapdsl draw move.mrs -o pictures --step 4\n   $ mremapdsl move.mrs\n"
    )
    html, warnings = project.build()
    assert warnings == []
    assert "3 pictures in pictures" in plain(html)
    assert 'ok move.mrs: "apart" [linux-6.18]' in plain(html)
    assert "together" not in plain(html)
    assert not (project.folder / "pictures").exists()
    project.build()
    assert project.read == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$ mremapdsl -c 'mmap A 4; expect vmas 2'", "ended with status 1, not 0"),
        ("$ rm -rf nothing", "is no command: write `$ mremapdsl …`"),
        ("$ mremapdsl 'open", "No closing quotation"),
        ("$ mremapdsl nowhere.mrs", "ended with status 2, not 0"),
    ],
)
def test_commands_that_do_not_do_as_said(project: Project, text: str, said: str) -> None:
    project.page(f".. mrs-console::\n\n   {text}\n")
    assert said in "\n".join(project.build("dummy")[1])


def test_roles_lead_to_messages_and_descriptions(project: Project) -> None:
    project.page(
        "Said by :mrs-mail:`<a@b.c>` and :mrs-mail:`her <d+e@f.g>`; see :mrs-reason:`forked-parent`.\n\n"
        ".. mrs-reason:: forked-parent\n\n   A child may map it.\n\n"
        ".. mrs::\n   :show: table\n\n   mmap A 4; touch A; fork; mremap A B RELOCATE; expect fallback\n"
    )
    html, warnings = project.build(confoverrides={"nitpicky": True})
    assert warnings == [], "what nobody describes is plain text in a table"
    assert '<a class="reference external" href="https://lore.kernel.org/all/a@b.c/">a@b.c</a>' in html
    assert '<a class="reference external" href="https://lore.kernel.org/all/d+e@f.g/">her</a>' in html
    assert html.count('href="#mrs-reason-forked-parent"') >= 2
    project.page(":mrs-reason:`no-such-reason`\n")
    [warning] = project.build(confoverrides={"nitpicky": True})[1]
    assert "no-such-reason" in warning


def test_processes_can_share_the_reading(project: Project) -> None:
    names = [f"page{number}" for number in range(6)]
    for name in names:
        project.write(f"{name}.rst", f"{name}\n=====\n\n.. mrs::\n   :show: picture\n\n   mmap A 4; touch A\n")
    project.page(".. toctree::\n\n" + "".join(f"   {name}\n" for name in names))
    assert project.build(parallel=2)[1] == []
