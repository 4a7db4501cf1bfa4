"""``mremapdsl step``: go through a scenario forwards and backwards, look, ask why, try statements, save."""

from __future__ import annotations

import atexit
import os
import sys
from argparse import ArgumentParser, Namespace
from cmd import Cmd
from collections.abc import Callable
from contextlib import suppress
from glob import escape, glob

from mremapdsl import api
from mremapdsl.backend import Unseen, Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.program import AnyOrder, Choose, Expect, Range, Scenario, Statement, Step
from mremapdsl.record import ExpectationRecord, ShowRecord, StepRecord
from mremapdsl.stepper import Session
from mremapdsl.steprefs import with_lines
from mremapdsl.trace.markdown import documentation
from mremapdsl.trace.style import Style, paragraph
from mremapdsl.trace.text import last_step, last_words
from mremapdsl.trace.words import anon_vma_state, expect_words, range_words, run_words

HISTORY = 1000
"""Typed lines that are remembered between sessions."""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE", help="scenario file to go through (default: an empty machine)")
    add("--rules", metavar="R", help="rules (default: the scenario's own, else the usual default)")
    add("--scenario", metavar="TITLE", help="which scenario of the file (default: the first)")


def main(args: Namespace) -> int:
    """The prompt; from a pipe, commands are read line by line without one."""
    try:
        session = open_session(args)
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except (ValueError, Unsupported) as error:
        complain(str(error))
        return status.UNUSABLE
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return status.UNUSABLE
    prompt = Prompt(session)
    if sys.stdin.isatty():
        remember()
        tell(prompt.intro_text())
        print("".join(f"{line}\n" for line in documentation(session.scenario.doc, "    ", prompt.style)), end="")
    else:
        prompt.prompt = ""
        prompt.use_rawinput = False
    while True:
        try:
            prompt.cmdloop()
        except KeyboardInterrupt:
            print("\n(`quit` ends)")
            continue
        return status.HELD


def open_session(args: Namespace) -> Session:
    """The scenario and machine that the options name."""
    scenario = pick(api.compile(args.file).scenarios, args.scenario) if args.file else empty()
    if args.rules:
        choice, *more = api.parse_rules(args.rules, file="--rules")
        if more:
            raise ValueError("--rules takes one rule set here")
    else:
        (choice, *_) = scenario.rules or api.parse_rules(api.DEFAULT_RULES)
    return Session(scenario, choice, api.backend(choice), lambda text: pick(api.compile(text).scenarios, None))


def pick(scenarios: tuple[Scenario, ...], title: str | None) -> Scenario:
    if title is None:
        return scenarios[0]
    for scenario in scenarios:
        if scenario.title == title:
            return scenario
    raise ValueError(f"no scenario is called {title!r}; there are: {', '.join(repr(s.title) for s in scenarios)}")


def empty() -> Scenario:
    return Scenario("an empty machine", 1, (), (), (), "")


def remember() -> None:
    """Keep typed lines between sessions, where readline is there and the place can be written."""
    with suppress(ImportError, OSError):
        import readline

        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        path = os.path.join(state, "mremapdsl", "history")
        with suppress(OSError):
            readline.read_history_file(path)
        readline.set_history_length(HISTORY)

        def save() -> None:
            with suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                readline.write_history_file(path)

        atexit.register(save)


class Prompt(Cmd):
    """The commands. Whatever is none of them is taken for a statement of the language and tried."""

    prompt = "mrs> "

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.style = Style(80, False, True, False)

    def intro_text(self) -> str:
        title, rules = self.session.scenario.title, self.session.rules
        if not self.session.ahead:
            return f"{title} under {rules}; type statements, `back` takes one back, `help` tells the rest"
        return f"{title} under {rules}; Enter goes on, `back` goes back, `help` tells the rest"

    def emptyline(self) -> bool:
        self.do_next("")
        return False

    def default(self, line: str) -> bool:  # type: ignore[override]
        """Try a statement."""
        if line == "EOF":
            if self.prompt:
                print()
            return self.do_quit("")
        session = self.session
        before = len(session.ahead)
        if self.attempted(lambda: session.attempt(line)):
            for _ in range(len(session.ahead) - before):
                if not self.advance():
                    break
        return False

    def do_next(self, arg: str) -> None:
        """next [N]: carry out the next statement (or N of them) and show what it did. Also Enter."""
        for _ in range(number(arg, "next")):
            if not self.advance():
                return

    def do_run(self, arg: str) -> None:
        """run: go on to the end, or to the first failure."""
        while self.advance():
            if self.failed():
                return

    def do_back(self, arg: str) -> None:
        """back [N]: take the last statement (or N of them) back."""
        times = number(arg, "back")
        for _ in range(times):
            if not self.session.back():
                print("at the start")
                return
        if times:
            self.do_list("")

    def do_list(self, arg: str) -> None:
        """list: the statements; `>` marks the next one."""
        done = [words(s) for s in self.session.done]
        ahead = [words(s) for s in self.session.ahead]
        for i, text in enumerate([*done, *ahead], 1):
            print(f"{'>' if i == len(done) + 1 else ' '} {i:3}  {text}")
        if not ahead:
            print(">      (end)")

    def do_show(self, arg: str) -> None:
        """show [PROCESS]: the memory of all processes, or of one."""
        context = self.session.now.run.context(self.session.now.backend)
        for process in context.now.processes():
            if arg in ("", process):
                print("\n".join(context.show(process)))
                for run in context.now.pages(process):
                    tell(f"{range_words(run.page, run.count)}: {run_words(run)}", "  ")

    def do_anon(self, arg: str) -> None:
        """anon: the anon_vmas, with root, parent and counts."""
        for name, view in self.session.now.backend.observe().anon_vmas().items():
            tell(f"{name}: {anon_vma_state(name, view)}")

    def do_why(self, arg: str) -> None:
        """why A not merged B: each condition for the VMAs at two places (names or @page) to be one, held or not."""
        names = [word for word in arg.replace(",", " ").split() if word not in ("not", "merged", "and", "is", "with")]
        if len(names) != 2:
            print("why takes two places: why A not merged B")
            return
        one, other = (self.place(name) for name in names)
        if one is None or other is None:
            return
        if one.process != other.process:
            print("the places lie in different processes")
            return
        with suppress_to_print():
            for note in self.session.why_apart(one.process, one.start, other.start):
                tell(f"{self.lines(note.sentence)} ({note.function})", "- ")

    def do_ways(self, arg: str) -> None:
        """ways [N]: where the next statement branches, the ways to go; with a number, go that way."""
        ways = self.session.ways()
        if arg.isdigit() and 0 < int(arg) <= len(ways):
            self.session.choose(int(arg) - 1)
            if ways[0].about:
                self.advance()
            else:
                self.do_list("")
            return
        for i, way in enumerate(ways, 1):
            text = "; ".join(words(s) for s in way.body)
            about = f"{way.about}: {text}" if way.about and text else way.about or text or "(nothing)"
            print("\n".join(paragraph(about, f"  {i}: ", "       ", 80)))
        if not ways:
            print("the next statement does not branch")

    def do_drop(self, arg: str) -> None:
        """drop: forget the statements that are still to come."""
        print(f"{counted(len(self.session.ahead))} dropped")
        self.session.drop_ahead()

    def do_save(self, arg: str) -> None:
        """save FILE: write what has run as a scenario; an existing file is left alone."""
        if not arg:
            print("save takes a file name")
            return
        try:
            text = self.session.text()
            with open(arg, "x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError:
            print(f"{arg} exists; choose another name")
        except (OSError, ValueError) as error:
            print(error)
        else:
            print(f"{counted(len(self.session.done))} written to {arg}")

    def do_help(self, arg: str) -> None:
        """help [NAME]: this list, or one of it."""
        known = {name[3:]: getattr(self, name).__doc__ or "" for name in dir(self) if name.startswith("do_")}
        if arg and arg not in known:
            print(f"{arg} is no command; `help` lists them")
            return
        for words in [known[arg]] if arg else known.values():
            print("\n".join(paragraph(words, "  ", "      ", 80)))
        if not arg:
            print("anything else is tried as a statement: mmap A 4; expect A is anon; maybe fork")

    def do_quit(self, arg: str) -> bool:
        """quit: end (also Ctrl-D). `exit` is a statement: the process exits."""
        return True

    # --- inside ----------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """Carry out one statement and print what came of it. False if there is none or it cannot be done."""
        session = self.session
        if not session.ahead:
            print("at the end")
            return False
        if session.ways():
            self.do_ways("")
            print("  (`ways N` goes one of them)")
            return False
        result: StepRecord | ExpectationRecord | ShowRecord | None = None
        try:
            result = session.forward()
        except (Unsupported, ValueError) as error:
            tell(str(error))
            return False
        record = session.now.run.finish("", str(session.rules), "passed", "", 0, 0.0)
        if isinstance(result, StepRecord):
            print("\n".join(last_step(record, self.style)))
        elif result is not None:
            print("\n".join(last_words(record, result, self.style)))
        return True

    def failed(self) -> bool:
        run = self.session.now.run
        return bool(run.steps and run.steps[-1].failure) or any(e.held is False for e in run.expectations)

    def attempted(self, action: Callable[[], None]) -> bool:
        """Do something that may not compile."""
        try:
            action()
        except api.CompileError as error:
            for diagnostic in error.diagnostics:
                if diagnostic.severity == "error":
                    tell(f"{diagnostic.message}; {diagnostic.remedy}", "  ")
            return False
        return True

    def place(self, name: str) -> Range | None:
        """A place by name, a page of it (``A[3]``, ``child:A[3]``) or ``@page``."""
        process, _, bare = name.rpartition(":")
        process = process or "parent"
        if bare.startswith("@") and bare[1:].isdigit():
            return Range(process, int(bare[1:]), 1, name)
        base, _, page = bare.removesuffix("]").partition("[")
        for place in self.session.places:
            if place.name == base and not page:
                return Range(process, place.start, place.pages, name)
            if place.name == base and page.isdigit() and int(page) < place.pages:
                return Range(process, place.start + int(page), 1, name)
        tell(f"{bare} is no place; known: {', '.join(p.name for p in self.session.places) or 'none'}")
        return None

    def lines(self, sentence: str) -> str:
        """Step references as the statements they mean."""
        from mremapdsl.backend import Verdict

        return with_lines(Verdict("", "", sentence, ""), self.session.now.run.asked).sentence

    def completenames(self, text: str, *ignored: object) -> list[str]:
        from mremapdsl.lang.words import keywords

        known = keywords()["statement"]
        return sorted(set(super().completenames(text)) | {word for word in known if word.startswith(text)})

    def complete_save(self, text: str, line: str, *ignored: object) -> list[str]:
        """File names; ``text`` is their last part."""
        typed = line.partition(" ")[2].lstrip()
        return sorted(name[len(typed) - len(text) :] for name in glob(escape(typed) + "*"))

    def completedefault(self, *ignored: str) -> list[str]:
        from mremapdsl.lang.words import keywords

        text = ignored[0]
        known = [name for group in keywords().values() for name in group] + [p.name for p in self.session.places]
        return sorted(word for word in known if word.startswith(text))


class suppress_to_print:  # noqa: N801  (reads as a statement)
    """Print what is not visible or not there instead of failing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Unseen | ValueError):
            tell(str(error), "  ")
            return True
        return False


def tell(text: str, first: str = "") -> None:
    """Print a paragraph."""
    print("\n".join(paragraph(text, first, " " * (len(first) + 4), 80)))


def number(arg: str, command: str) -> int:
    """How many times: 1 unless told, 0 (and words about it) for what is no number."""
    if arg and not arg.isdecimal():
        print(f"{command} takes a number, not {arg}")
        return 0
    return int(arg or 1)


def counted(statements: int) -> str:
    return f"{statements} statement{'' if statements == 1 else 's'}"


def words(statement: Statement) -> str:
    """A statement as it was written."""
    from mremapdsl.statements import body_lines

    if isinstance(statement, Step) and statement.text:
        prefix = "" if statement.op.process == "parent" else f"{statement.op.process}: "
        inside = "; ".join(map(words, statement.during))
        fails = f" fails {statement.fails}" if statement.fails else ""
        return f"{prefix}{statement.text}{fails}" + (f" during relocation {{ {inside} }}" if inside else "")
    if isinstance(statement, Choose):
        return " or ".join(f"{{ {'; '.join(map(words, way))} }}" for way in statement.alternatives)
    if isinstance(statement, AnyOrder):
        return f"any order {{ {'; '.join(words(s) for thread in statement.threads for s in thread)} }}"
    if isinstance(statement, Expect):
        return expect_words(statement)
    return body_lines([statement])[0]
