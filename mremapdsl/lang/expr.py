"""Numbers: what an expression is worth, and whether it can stand where it stands."""

from __future__ import annotations

from typing import Any

from mremapdsl.lang.context import Context
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.syntax import Chain, Constant, Expr, Number, Size, Token
from mremapdsl.ops import PAGE

LIMIT = 1 << 52
"""No number reaches this: there are that many pages in 64 bits of address."""
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def evaluate(context: Context, node: Expr) -> int:
    """The value of an expression, possibly negative. Raises Problem (MRS202, MRS305, MRS306, MRS307)."""
    match node:
        case Number():
            value = node.value
        case Constant():
            value = constant(context, node)
        case Size():
            value = pages(node)
        case Chain():
            items: tuple[Any, ...] = node.items
            value = evaluate(context, items[0])
            for sign, operand in zip(items[1::2], items[2::2], strict=True):
                value = apply(sign, value, evaluate(context, operand), node)
    if not -LIMIT < value < LIMIT:
        raise Problem("MRS307", node.start, node.end, "the number is too large", f"stay below {LIMIT}")
    return value


def apply(sign: Token, left: int, right: int, node: Chain) -> int:
    """``left sign right``; division rounds down. Raises Problem (MRS305)."""
    if sign.text == "+":
        return left + right
    if sign.text == "-":
        return left - right
    if sign.text == "*":
        return left * right
    if right == 0:
        raise Problem("MRS305", node.start, node.end, "this divides by zero", "divide by something else")
    return left // right if sign.text == "/" else left % right


def constant(context: Context, node: Constant) -> int:
    found = context.constants.get(node.name)
    if found is None:
        name = Token(node.name, node.start)
        if node.name in context.places:
            raise Problem("MRS202", node.start, node.end, f"`{node.name}` is a place, and a number is needed",
                          f"`let` defines constants, and `expect` can ask for `{node.name}.page`")  # fmt: skip
        raise context.unknown("MRS202", "constant", name, [*context.constants], f"define it: `let {node.name} = 1`")
    context.mentioned.add(node.name)
    return found


def pages(node: Size) -> int:
    """The pages of ``64K``. Raises Problem (MRS306, MRS307)."""
    digits = node.text[:-1]
    size = int(digits) * UNITS[node.text[-1]] if len(digits) < 20 else LIMIT * PAGE
    if size % PAGE:
        raise Problem("MRS306", node.start, node.end, f"{node.text} is not a whole number of pages",
                      f"use a multiple of {PAGE // 1024}K")  # fmt: skip
    return size // PAGE


def count(context: Context, node: Expr) -> int:
    """The value of an expression that counts something. Raises Problem, also if it is negative (MRS304)."""
    if type(node) is Number and node.value < LIMIT:
        return node.value
    value = evaluate(context, node)
    if value < 0:
        raise Problem("MRS304", node.start, node.end, f"this is {value}, and cannot be negative", "use 0 or more")
    return value


def byte(context: Context, node: Expr) -> int:
    """The value of an expression that is written to memory. Raises Problem (MRS303)."""
    value = count(context, node)
    if value > 255:
        raise Problem("MRS303", node.start, node.end, f"{value} does not fit into a byte", "use 0 to 255")
    return value
