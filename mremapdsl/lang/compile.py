"""From statements to steps: walks the statements of a scenario in the order in which they run, unrolling loops."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.lang import syntax
from mremapdsl.lang.context import UNBORN, UNSURE, Context
from mremapdsl.lang.diagnostics import AlreadyReported, Problem
from mremapdsl.lang.expr import evaluate
from mremapdsl.lang.operations import OPERATIONS
from mremapdsl.lang.predicates import predicate
from mremapdsl.lang.rules import expected_on
from mremapdsl.lang.walk import inner, stands_in
from mremapdsl.lang.words import words
from mremapdsl.program import AnyOrder, Choose, Expect, Show, Statement, Step

MAX_STATEMENTS = 1_000_000
WORD = r"[A-Za-z_]\w*"


def call(context: Context, node: syntax.Call) -> None:
    operation, fails, start, _ = node
    context.check_alive(context.process, start, operation.end)
    op = OPERATIONS[type(operation)](context, operation)
    if fails is not None:
        context.expects = True
    elif isinstance(op, ops.Fork):
        context.processes[op.child] = None if context.threads is None else UNBORN
    elif isinstance(op, ops.Exit):
        if context.threads is not None and op.process != context.process:
            raise Problem("MRS204", start, operation.end, f"`{op.process}` may not have come to its end: nothing here "
                          "orders its statements and this one", f"write `{op.process}: exit`")  # fmt: skip
        context.processes[op.process] = context.source.line(start)
    source = context.source
    text = source.text[operation.start : operation.end]
    doc = context.docs.get(start, "")
    context.emit(Step(op, source.line(start), text, fails and fails.text, doc, context.loop, (), start))


def expect(context: Context, node: syntax.Expect) -> None:
    context.expects = True
    source, inner = context.source, node.predicate
    context.emit(
        Expect(
            predicate(context, inner),
            context.process,
            source.line(node.start),
            source.text[inner.start : inner.end],
            expected_on(context, node.on),
            context.docs.get(node.start, ""),
            context.loop,
            node.quantifier.text if node.quantifier else "",
            node.start,
        )
    )


def show(context: Context, node: syntax.Show) -> None:
    context.emit(Show(context.source.line(node.start), context.process))


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


def branch(context: Context, node: syntax.Branch) -> None:
    """Compile the block that the comparison chooses; the other one counts as used, not as run."""
    if stands_in(node):
        run(context, inner(node))
        return
    holds = OPERATORS[node.operator.text](evaluate(context, node.left), evaluate(context, node.right))
    chosen, other = (node.then, node.otherwise or ()) if holds else (node.otherwise or (), node.then)
    for left_out in other:
        context.mentioned.update(re.findall(WORD, context.source.text[left_out.start : left_out.end]))
    run(context, chosen)


OPERATORS: Mapping[str, Callable[[int, int], bool]] = MappingProxyType(
    {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)


def weight(context: Context, body: syntax.Body) -> int:
    """How many statements a body makes at least, as far as it can be told before; not less than 1."""
    total = 0
    for node in body:
        if isinstance(node, syntax.Loop):
            try:
                passes = evaluate(context, node.last) - evaluate(context, node.first)
            except (Problem, AlreadyReported):
                passes = 1
            total += max(passes, 0) * weight(context, node.body)
        elif isinstance(node, syntax.Branch):
            total += min(weight(context, node.then), weight(context, node.otherwise or ()))
        else:
            inside = inner(node)
            total += weight(context, inside) if inside else 1
    return max(total, 1)


def check_size(context: Context, node: syntax.Loop, more: int) -> None:
    """Raises Problem (MRS312) if a scenario grows too large."""
    if max(context.passes, context.made) + more > MAX_STATEMENTS:
        raise Problem("MRS312", node.start, node.last.end, f"the loop makes more than {MAX_STATEMENTS:,} statements",
                      "let it run less often")  # fmt: skip


def in_process(context: Context, node: syntax.InProcess) -> None:
    before = context.process
    if not stands_in(node):
        context.process = context.alive(node.process, words("statement"))
    run(context, node.body)
    context.process = before


def prefixed(context: Context, node: syntax.Prefixed) -> None:
    before = context.process
    looks = isinstance(node.statement, syntax.Expect | syntax.Show)
    context.process = context.seen(node.process) if looks else context.alive(node.process)
    try:
        STATEMENTS[type(node.statement)](context, node.statement)
    finally:
        context.process = before


# --- several ways ------------------------------------------------------------------------------------------


def apart(context: Context, body: syntax.Body) -> tuple[Statement, ...]:
    """Compile statements on their own, instead of adding them to those before."""
    around, threads = context.body, context.threads
    context.body, context.threads = [], None
    run(context, body)
    made = tuple(context.body)
    context.body, context.threads = around, threads
    return made


def choose(context: Context, node: syntax.Choose) -> None:
    context.emit(Choose(alternatives(context, node.alternatives), context.source.line(node.start)))


def maybe(context: Context, node: syntax.Maybe) -> None:
    context.emit(Choose(alternatives(context, ((node.statement,), ())), context.source.line(node.start)))


def alternatives(context: Context, bodies: tuple[syntax.Body, ...]) -> tuple[tuple[Statement, ...], ...]:
    """Each of several ways; processes that not all of them leave alive are alive on some ways only."""
    before = context.processes
    made: list[tuple[Statement, ...]] = []
    ends: list[dict[str, int | None]] = []
    for body in bodies:
        context.processes = dict(before)
        made.append(apart(context, body))
        ends.append(context.processes)
    context.processes = {}
    for name in (name for end in ends for name in end):
        states = {end.get(name, UNSURE) for end in ends}
        context.processes[name] = states.pop() if len(states) == 1 else UNSURE
    return tuple(made)


def any_order(context: Context, node: syntax.AnyOrder) -> None:
    around, threads = context.body, context.threads
    context.body, context.threads = [], {}
    run(context, node.body)
    made = tuple(tuple(thread) for thread in context.threads.values())
    context.body, context.threads = around, threads
    for name, state in context.processes.items():
        context.processes[name] = None if state == UNBORN else state
    context.emit(AnyOrder(made, context.source.line(node.start)))


def during(context: Context, node: syntax.During) -> None:
    operation = node.call.operation
    if not isinstance(operation, syntax.Mremap):
        raise Problem("MRS125", operation.start, operation.end, "only `mremap` relocates",
                      "delete `during relocation { ... }`")  # fmt: skip
    (step,) = apart(context, (node.call,)) or (None,)
    (inside, _) = alternatives(context, (node.body, ()))
    if not isinstance(step, Step):
        return  # it is faulty itself
    if not all(isinstance(statement, Expect) or (isinstance(statement, Step) and not statement.during)
               for statement in inside):  # fmt: skip
        raise Problem("MRS125", node.call.end, node.end, "only calls and expectations can stand inside a relocation",
                      "move everything else out of it")  # fmt: skip
    context.emit(step._replace(during=inside))


# --- anything ----------------------------------------------------------------------------------------------


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
        syntax.Branch: branch,
        syntax.InProcess: in_process,
        syntax.Prefixed: prefixed,
        syntax.Maybe: maybe,
        syntax.Choose: choose,
        syntax.AnyOrder: any_order,
        syntax.During: during,
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
