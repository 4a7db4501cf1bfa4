"""Directives of this manual: what they show is taken from the program, so that it cannot be out of date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from manual import grammar
from manual.examples import EXAMPLES, NUMBERED, Witness, examples, label, seen, topic
from manual.rst import indented, inline, literal, paragraphs
from mremapdsl import api
from mremapdsl.lang import CODES
from mremapdsl.model.decision import DECISIONS, Decision
from mremapdsl.model.invariants import INVARIANTS
from mremapdsl.model.reasons import REASONS
from mremapdsl.report.scenario import shown_title
from mremapdsl.sphinxext.prose import prose


class Written(SphinxDirective):
    """Shows reStructuredText that a subclass writes."""

    def text(self) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.text(), allow_section_headings=True)


class Grammar(Written):
    """Rules of the grammar by name, ``operation/mmap`` for one alternative; without a name, all that no page shows."""

    optional_arguments = 1
    final_argument_whitespace = True

    def text(self) -> str:
        self.env.note_dependency(str(grammar.PATH))
        names = self.arguments[0].split() if self.arguments else self.others()
        lines = (line for name in names for line in grammar.lines(grammar.production(name)))
        return ".. productionlist::\n" + "".join(f"   {line}\n" for line in lines)

    def others(self) -> list[str]:
        """What no page names."""
        named: set[str] = set()
        for path in sorted(Path(self.env.srcdir).glob("language/*.rst")):
            self.env.note_dependency(str(path))
            for names in re.findall(r"^\.\. grammar:: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
                named.update(names.split())
        return [name for name in grammar.names() if name not in named]


# --- names of the model ------------------------------------------------------------------------------------------


def described(kind: str, name: str, *content: str) -> str:
    """The description of a name, to which roles lead."""
    return f".. {kind}:: {name}\n\n" + indented("\n\n".join(part for part in content if part)) + "\n"


def witnessed(witness: Witness | None, prefix: str = "Seen in") -> str:
    """Where something can be seen: a link to an example; a scenario in full that stands among the tests."""
    if witness is None:
        return ""
    if witness.example.path.is_relative_to(EXAMPLES):
        title = inline(shown_title(witness.scenario)).replace("``", "")
        several = len(witness.example.program.scenarios) > 1
        where = f"{prefix} :ref:`“{title}” <{label(witness.example, witness.number)}>`"
        about = f" of :doc:`{witness.example.page}`" if several else ""
        rules, sign, overrides = witness.rules.partition(" with ")
        return f"{where}{about}, rules :mrs-rules:`{rules}`{sign}{overrides and literal(overrides)}."
    return f".. mrs:: {witness.example.source}\n   :scenario: {witness.number}\n"


class Reasons(Written):
    """Reasons of one kind: ``verdicts``, ``fallbacks``, ``refusals`` or ``notes``."""

    required_arguments = 1

    def text(self) -> str:
        return "".join(self.entry(name) for name in REASONS if self.kind(name) == self.arguments[0])

    @staticmethod
    def kind(name: str) -> str:
        if REASONS[name].outcome == "fallback":
            return "fallbacks"
        if REASONS[name].outcome:
            return "verdicts"
        return "refusals" if name in seen().refusals else "notes"

    @staticmethod
    def entry(name: str) -> str:
        reason = REASONS[name]
        outcome = f"Outcome ``{reason.outcome}``. " if reason.outcome else ""
        said = re.sub(r"\{(\w+)(:[^}]*)?\}", r"⟨\1⟩", reason.sentence)
        where = seen().verdicts.get(name) or seen().refusals.get(name) or seen().notes.get(name)
        remedy = f"To make it go the other way: {inline(reason.remedy)}." if reason.remedy else ""
        facts = f"{outcome}Kernel: {literal(reason.function)}."
        return described("mrs-reason", name, f"“{inline(said)}”", facts, remedy, witnessed(where))


class Invariants(Written):
    """The invariants, each with a run that breaks it."""

    def text(self) -> str:
        return "".join(
            described("mrs-invariant", name, inline(doc), witnessed(seen().breaches.get(name), "Broken in"))
            for name, doc in INVARIANTS.items()
        )


class RuleSets(Written):
    """The rule sets, each with the decisions in which it differs from the one before it, or from its base."""

    def text(self) -> str:
        return "".join(self.entries())

    @staticmethod
    def entries() -> Iterator[str]:
        sets = api.rule_sets()
        names = [*sets]
        for i, name in enumerate(names):
            base = nearest(name, names[:i])
            own = [alias for alias, meant in api.aliases().items() if meant == name]
            also = f"Also called {', '.join(map(literal, own))}." if own else ""
            default = "What scenarios run under that name no rules." if name == api.DEFAULT_RULES else ""
            if base is None:
                said = "The first: all others are told by what is different."
            else:
                changes = {key: value for key, value in sets[name].items() if sets[base][key] != value}
                said = f"As :mrs-rules:`{base}`" + (", but:\n\n" if changes else ".")
                said += "".join(f"- :mrs-decision:`{key}` is ``{value}``\n" for key, value in changes.items())
            yield described("mrs-rules", name, said, also, default)


def nearest(name: str, earlier: Iterable[str]) -> str | None:
    """The earlier rule set with the fewest other choices, the last one of several."""
    sets = api.rule_sets()
    return min(
        reversed([*earlier]), key=lambda other: sum(sets[name][k] != v for k, v in sets[other].items()), default=None
    )


class Decisions(Written):
    """The decisions with their choices, and who decides so."""

    def text(self) -> str:
        return "".join(self.entry(DECISIONS[name]) for name in api.overrides())

    @staticmethod
    def entry(decision: Decision) -> str:
        choices: list[str] = []
        for choice in decision.choices.values():
            if choice.wrong:
                continue
            sets = [name for name, chosen in api.rule_sets().items() if chosen[decision.name] == choice.name]
            everyone = len(sets) == len(api.rule_sets())
            who = "All rule sets." if everyone else ", ".join(f":mrs-rules:`{name}`" for name in sets)
            said = f"{paragraphs(choice.doc)}\n\n{who or 'By override only.'}"
            choices.append(f"{literal(choice.name)}\n{indented(said)}")
        facts = f"{inline(' '.join(decision.doc.split()))} Kernel: {literal(decision.function)}."
        return described("mrs-decision", decision.name, facts, "\n".join(choices))


class Diagnostics(Written):
    """What can be wrong with a text."""

    def text(self) -> str:
        return "".join(
            described("mrs-code", code, f"{literal(found.name)}, {found.severity}. {inline(found.explanation)}")
            for code, found in CODES.items()
        )


# --- examples ----------------------------------------------------------------------------------------------------


class ExampleList(Written):
    """The pages of a folder of examples, as part of the tree of pages."""

    required_arguments = 1

    def text(self) -> str:
        found = sorted(topic(self.arguments[0]), key=lambda example: not NUMBERED.match(example.path.stem))
        return ".. toctree::\n   :maxdepth: 1\n\n" + "".join(f"   {example.page}\n" for example in found)


class Markdown(SphinxDirective):
    """A section of a Markdown file, by its heading; links to examples and their numbers (T4) lead to their pages."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        relative, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        wanted = "\n".join(self.content).strip()
        sections = re.split(r"^## ", Path(path).read_text(encoding="utf-8"), flags=re.MULTILINE)
        [text] = [rest for name, _, rest in (section.partition("\n") for section in sections) if name == wanted]
        pages = {example.path.name: example for example in examples()}
        numbered = {name[:3].upper().replace("T0", "T"): name for name in pages if re.match(r"t\d\d-", name)}
        text = re.sub(r"`(@<[^>`]+>)`", r"\1", text)
        text = re.sub(
            r"(?<![\w\[])(T\d+)(?=[,\s|])", lambda m: f"[{m[1]}]({numbered[m[1]]})" if m[1] in numbered else m[1], text
        )
        box = nodes.container()
        box += prose(text)
        for link in [*box.findall(nodes.reference)]:
            example = pages.get(link["refuri"])
            if example is not None:
                target = addnodes.pending_xref("", refdomain="std", reftype="doc", refexplicit=True)
                target["reftarget"] = example.page
                target += nodes.inline("", "", *link.children)
                link.replace_self(target)
        return [box]
