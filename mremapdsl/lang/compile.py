"""From statements to steps: walks the statements of a scenario in the order in which they run, unrolling loops."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.lang import syntax
from mremapdsl.lang.context import Context
from mremapdsl.lang.diagnostics import AlreadyReported, Problem
from mremapdsl.lang.expr import evaluate
from mremapdsl.lang.operations import OPERATIONS
from mremapdsl.lang.predicates import predicate
from mremapdsl.lang.rules import expected_on
from mremapdsl.program import Expect, Show, Step

MAX_STATEMENTS = 1_000_000
WORD = r"[A-Za-z_]\w*"


def call(context: Context, node: syntax.Call) -> None:
    operation, fails, start, _ = node
    context.check_alive(context.process, start, operation.end)
    op = OPERATIONS[type(operation)](context, operation)
    if fails is not None:
        context.expects = True
    elif isinstance(op, ops.Fork):
        context.processes[op.child] = None
    elif isinstance(op, ops.Exit):
        context.processes[op.process] = context.source.line(start)
    source = context.source
    text = source.text[operation.start : operation.end]
    context.body.append(
        Step(op, source.line(start), text, fails and fails.text, context.docs.get(start, ""), context.loop)
    )


def expect(context: Context, node: syntax.Expect) -> None:
    context.expects = True
    context.check_alive(context.process, node.start, node.end)
    source, inner = context.source, node.predicate
    context.body.append(
        Expect(
            predicate(context, inner),
            context.process,
            source.line(node.start),
            source.text[inner.start : inner.end],
            expected_on(context, node.on),
            context.docs.get(node.start, ""),
            context.loop,
        )
    )


def show(context: Context, node: syntax.Show) -> None:
    context.check_alive(context.process, node.start, node.end)
    context.body.append(Show(context.source.line(node.start), context.process))


def let(context: Context, node: syntax.Let) -> None:
    context.claim(node.name, constant=True)
    context.constants[node.name.text] = evaluate(context, node.value)
    context.defined.append(node.name.text)
    context.unmentioned.setdefault(node.name.text, node.name)


def loop(context: Context, node: syntax.Loop) -> None:
    name = node.variable
    context.claim(name, constant=True)
    first, last = evaluate(context, node.first), evaluate(context, node.last)
    if last < first:
        what = f"the loop ends at {last}, before it begins at {first}"
        raise Problem("MRS302", node.first.start, node.last.end, what, "write the smaller number first")
    check_size(context, node, (last - first) * weight(context, node.body))
    around, skipped = context.loop, context.skipped
    try:
        for value in range(first, last):
            context.constants[name.text] = value
            context.loop = (*around, (name.text, value))
            context.passes += 1
            run(context, node.body)
            check_size(context, node, 0)
            if context.skipped != skipped:
                break
    finally:
        context.loop = around
        context.constants.pop(name.text, None)


def weight(context: Context, body: syntax.Body) -> int:
    """How many statements a body makes, as far as it can be told before; at least 1."""
    total = 0
    for node in body:
        match node:
            case syntax.Loop():
                try:
                    passes = evaluate(context, node.last) - evaluate(context, node.first)
                except (Problem, AlreadyReported):
                    passes = 1
                total += max(passes, 0) * weight(context, node.body)
            case syntax.InProcess():
                total += weight(context, node.body)
            case _:
                total += 1
    return max(total, 1)


def check_size(context: Context, node: syntax.Loop, more: int) -> None:
    """Raises Problem (MRS312) if a scenario grows too large."""
    if max(context.passes, len(context.body)) + more > MAX_STATEMENTS:
        raise Problem("MRS312", node.start, node.last.end, f"the loop makes more than {MAX_STATEMENTS:,} statements",
                      "let it run less often")  # fmt: skip


def in_process(context: Context, node: syntax.InProcess) -> None:
    before = context.process
    if not syntax.stands_in(node):
        context.process = context.alive(node.process)
    run(context, node.body)
    context.process = before


def prefixed(context: Context, node: syntax.Prefixed) -> None:
    before = context.process
    context.process = context.alive(node.process)
    try:
        STATEMENTS[type(node.statement)](context, node.statement)
    finally:
        context.process = before


def late_rules(_context: Context, node: syntax.Rules) -> None:
    raise Problem("MRS120", node.start, node.end, "`rules` is not the first statement",
                  "move it to the beginning of the file or scenario")  # fmt: skip


def bad(context: Context, node: syntax.Bad) -> None:
    context.uncertain.update(node.words)
    context.skipped += 1
    run(context, node.body)


STATEMENTS: Mapping[type[Any], Callable[[Context, Any], None]] = MappingProxyType(
    {
        syntax.Call: call,
        syntax.Expect: expect,
        syntax.Show: show,
        syntax.Let: let,
        syntax.Loop: loop,
        syntax.InProcess: in_process,
        syntax.Prefixed: prefixed,
        syntax.Rules: late_rules,
        syntax.Bad: bad,
    }
)


def run(context: Context, body: syntax.Body) -> None:
    """Compile the statements of a block; constants defined in it end with it."""
    defined = len(context.defined)
    for node in body:
        execute(context, node)
    while len(context.defined) > defined:
        del context.constants[context.defined.pop()]


def execute(context: Context, node: syntax.Statement) -> None:
    """Compile a statement; a faulty one is noted and left out."""
    try:
        STATEMENTS[type(node)](context, node)
    except Problem as problem:
        context.findings.add(problem)
    except AlreadyReported:
        pass
    else:
        return
    context.skipped += 1
    context.uncertain.update(re.findall(WORD, context.source.text[node.start : node.end]))
