"""The helpers of exported programs."""

from __future__ import annotations

from mremapdsl.export.runtime import ATTRIBUTE, FUNCTION, NOT_CODE, WORD, pieces, rendered, used

EVERYWHERE = {"start", "end"}
"""Functions that every program has: their names may mean other things as well."""


def test_the_name_of_a_function_means_nothing_else() -> None:
    """Otherwise programs would have functions that they do not call, and gcc would warn."""
    code = [ATTRIBUTE.sub("", NOT_CODE.sub(" ", piece.text)) for piece in pieces()]
    functions = {name for text in code for name in FUNCTION.findall(text)} - EVERYWHERE
    assert len(functions) > 50
    for text in code:
        for word in WORD.finditer(text):
            follows = text[word.end() : word.end() + 1]
            handed_over = text[: word.start()].endswith(", ") and follows == ")"
            assert word[0] not in functions or follows == "(" or handed_over, text


def test_what_a_helper_uses_stands_before_it() -> None:
    defined: set[str] = set()
    everything = set().union(*(piece.names for piece in pieces()))
    for piece in pieces():
        defined |= piece.names
        assert not (piece.uses & everything) - defined - EVERYWHERE, piece.text


def test_only_what_is_used_comes_along() -> None:
    text = rendered(used("STEP(1, words) OK(munmap(arena(1), PAGE));", {"always", "standalone", "main"}))
    assert "#define STEP" in text
    assert "static void must(" in text
    assert "int main(void)" in text
    for absent in ("swapon", "io_uring", "knows_mremap_flag", "SKIP(return"):
        assert absent not in text
    assert "swapon" in rendered(used("need_swap();", {"always"}))
