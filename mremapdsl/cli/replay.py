"""``mremapdsl replay RECORDS…``: hold the model against what real kernels were recorded doing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.cli.run import write
from mremapdsl.cli.terminal import prepare, style
from mremapdsl.compare.words import difference_lines
from mremapdsl.live.probe import matching_rules
from mremapdsl.model.rules import Rules
from mremapdsl.recording.files import records
from mremapdsl.recording.operations import Json, Unknown
from mremapdsl.recording.replay import Replayed, replay
from mremapdsl.statements import Writer
from mremapdsl.steprefs import with_lines
from mremapdsl.trace.style import Style

EPILOG = """\
exit status: 0 the model does what was recorded, 2 a file could not be used,
3 it does not
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add("inputs", nargs="+", metavar="RECORDS", help="file of records (.jsonl, .jsonl.gz)")
    add("--rules", metavar="R", help="rules of the model (default: those of the kernel that the file names)")
    add("--show", type=int, default=3, metavar="N", help="differences of a file to show in full (default: 3)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the output (default: auto)")
    add("-q", "--quiet", action="store_true", help="print differences only")


class Count:
    """How the programs of a file went."""

    def __init__(self) -> None:
        self.all = self.differ = self.unknown = 0

    def __str__(self) -> str:
        agree = self.all - self.differ - self.unknown
        rest = f", {self.unknown} not known to the model" if self.unknown else ""
        return f"{agree}/{self.all} programs agree{rest}"


def main(args: Namespace) -> int:
    """Replay every file."""
    prepare(json=False)
    look = style(args.color, full=False)
    unusable = differ = False
    for path in args.inputs:
        try:
            count = replay_file(path, args, look)
        except api.CompileError as error:
            print(error, file=sys.stderr)
            return status.UNUSABLE
        except Unknown as unknown:
            complain(f"{path}: {unknown}")
            unusable = True
            continue
        except OSError as error:
            complain(f"{path}: {error.strerror or error}")
            unusable = True
            continue
        unusable |= bool(count.unknown)
        differ |= bool(count.differ)
    return status.UNUSABLE if unusable else status.DISAGREE if differ else status.HELD


def replay_file(path: str, args: Namespace, look: Style) -> Count:
    """Replay one file. Raises OSError, Unknown, CompileError."""
    rules: Rules | None = None
    lasting, count = False, Count()
    for number, record in enumerate(records(path)):
        if number == 0:
            rules = chosen(args.rules, record)
            lasting = bool(record.get("lasting_frames"))
        assert rules is not None
        if not record["ops"]:
            continue
        count.all += 1
        done = replay(record, rules, lasting=lasting)
        count.unknown += bool(done.unknown)
        count.differ += done.difference is not None
        if done.unknown or (done.difference is not None and count.differ <= args.show):
            write("".join(f"{line}\n" for line in lines(path, done, look)))
    if not args.quiet or count.differ:
        write(f"{path}: {count} [{rules.name if rules is not None else 'empty'}]\n")
    return count


def chosen(text: str | None, first: Json) -> Rules:
    """The rules to replay under. Raises CompileError, Unknown."""
    if text is not None:
        (choice, *more) = api.parse_rules(text, file="--rules")
        if more:
            raise Unknown("--rules takes one rule set here")
        return api.rules(choice)
    kernel = first.get("kernel")
    name = matching_rules(api.rule_sets(), kernel, relocates=False) if kernel else None
    if name is None:
        raise Unknown("the file does not say which kernel it is from: give --rules")
    rules = api.rules(first["rules"] if first.get("rules") in api.rule_sets() else name)
    return rules.but(swap_device="memory") if first.get("swap") == "memory" else rules


def lines(path: str, done: Replayed, look: Style) -> Iterator[str]:
    """How a program differs: it, the step, and both states."""
    if done.unknown:
        yield f"{path}: {done.name}: {done.unknown}"
        return
    found = done.difference
    assert found is not None
    yield look.paint("bad", f"{path}: {done.name}")
    writer = Writer(style="numbers")
    for op in done.operations[: found.step + 1]:
        yield f"    {writer.call(op)}"
    if found.verdict is not None:
        found = found._replace(verdict=with_lines(found.verdict, ()))
    yield from difference_lines(found, (), look)
