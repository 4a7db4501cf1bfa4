"""Pygments lexer for text traces (``mremapdsl --trace text FILE | pygmentize -l mrs-trace``).

Lines that the tool cannot have written are plain text; there are no Error tokens.
"""

from __future__ import annotations

import re

from pygments.lexer import RegexLexer, include
from pygments.token import Comment, Generic, Name, Number, Operator, Punctuation, String, Text, Whitespace

from mremapdsl.tools.lexer import CONSTANT, FAULTED, PROCESS, REASON, RULES, UNFAULTED, UNMAPPED, MrsLexer
from mremapdsl.tools.pygments_parts import bygroups, using

STATEMENT = using(MrsLexer)
END = r"(?=\n|$)"


class TraceLexer(RegexLexer):
    """Text traces of mremapdsl."""

    name = "mremapdsl trace"
    aliases = ("mrs-trace",)
    filenames = ("*.trace",)
    url = "https://pypi.org/project/mremapdsl/"
    flags = re.MULTILINE
    tokens = {  # noqa: RUF012  (Pygments' own way)
        "root": [
            (r'^(scenario)( )(".*")$', bygroups(Generic.Heading, Whitespace, String.Double)),
            (r"^( {4})(\S.*?:\d+)(, rules )(.+)$", bygroups(Whitespace, Comment, Text, RULES)),
            (r"^ *## ?.*$", STATEMENT),
            include("failures"),
            include("statements"),
            include("verdicts"),
            include("pictures"),
            (r"^passed" + END, Generic.Inserted),
            (r"^(FAILED|error|skipped)\b.*$", Generic.Error),
            (r"^( +)(in )([A-Za-z_]\w*)(:)$", bygroups(Whitespace, Text, PROCESS, Punctuation)),
            (r"^ +", Whitespace),
            include("words"),
        ],
        "statements": [
            (
                r"^( *\d+)(  )(.+?)(  \([\w =,-]+\))?( = )(ok)$",
                bygroups(Number.Integer, Whitespace, STATEMENT, CONSTANT, Operator, Generic.Inserted),
            ),
            (
                r"^( *\d+)(  )(.+?)(  \([\w =,-]+\))?( = )(E[A-Z]+|SEGV|BUS)$",
                bygroups(Number.Integer, Whitespace, STATEMENT, CONSTANT, Operator, Name.Exception),
            ),
            (
                r"^( *\d+)(  )(✓|ok)( )(.*?)(  \([\w =,-]+\))?$",
                bygroups(Number.Integer, Whitespace, Generic.Inserted, Whitespace, STATEMENT, CONSTANT),
            ),
            (
                r"^( *\d+)(  )(✗ FAILED|FAILED|\?)( )(.*?)(  \([\w =,-]+\))?$",
                bygroups(Number.Integer, Whitespace, Generic.Error, Whitespace, STATEMENT, CONSTANT),
            ),
            (r"^( *\d+)(  )(show)$", bygroups(Number.Integer, Whitespace, STATEMENT)),
        ],
        "failures": [
            (r"^(ok|agree)( +)(\S.*)( \[)([a-z].*)(\])$", bygroups(
                Generic.Inserted, Whitespace, Comment, Punctuation, RULES, Punctuation,
            )),
            (r"^(FAILED|ERROR|differ|skipped)( +)(\S.*)( \[)([a-z].*)(\])$", bygroups(
                Generic.Error, Whitespace, Comment, Punctuation, RULES, Punctuation,
            )),
            (r"^(\S+?:\d+)(:)( )(✓ |ok )?(?=(?:\w+: )?expect )(.+?)(  \([\w =,-]+\))?$", bygroups(
                Comment, Punctuation, Whitespace, Generic.Inserted, STATEMENT, CONSTANT,
            )),
            (r"^(\S+?:\d+)(:)( )(.+?)(  \([\w =,-]+\))?( = )(ok|E[A-Z]+|SEGV|BUS)$", bygroups(
                Comment, Punctuation, Whitespace, STATEMENT, CONSTANT, Operator, Generic.Strong,
            )),
        ],
        "verdicts": [
            (r"^( +)([a-z]+)( )(\[)([\w-]+)(\])(:)", bygroups(
                Whitespace, Generic.Strong, Whitespace, Punctuation, REASON, Punctuation, Punctuation,
            )),
            (r"^( +)(-)( )([a-z][\w-]+)(:)", bygroups(Whitespace, Punctuation, Whitespace, REASON, Punctuation)),
            (r"^( +)(INVARIANT BROKEN: )(\S+)(.*)$", bygroups(Whitespace, Generic.Error, REASON, Text)),
            (r"^( +)(FAILED: .*)$", bygroups(Whitespace, Generic.Error)),
        ],
        "pictures": [
            (r"^( +)(before|after|now)( +)(?=[A-Za-z.~]+$)", bygroups(Whitespace, Name.Label, Whitespace), "cells"),
            (r"^ +\d+(?: +\d+)*$", Number.Integer),
            (r"^( +)(layout )(@\d+ )(\")(?=[A-Za-z.]*\"$)", bygroups(Whitespace, Name.Function, Number, Punctuation),
             "cells"),
        ],
        "cells": [
            (r"[A-Z]+", FAULTED),
            (r"[a-z]+", UNFAULTED),
            (r"[.~]+", UNMAPPED),
            (r'"', Punctuation),
            (r"\n", Whitespace, "#pop"),
        ],
        "words": [
            (r"\n", Whitespace),
            (r"`[^`\n]+(?:\n +[^`\n]+)?`", String.Backtick),
            (r"\([a-z]\w*/[\w./-]+\.[ch]:\w+\)", Comment.Special),
            (r"\bav\d+\b", Name.Variable.Instance),
            (r"\b(new)\b", Generic.Inserted),
            (r"\b(gone)\b", Generic.Deleted),
            (r"->", Operator),
            (r"-?\b\d+\b", Number.Integer),
            (r"[A-Za-z_][\w-]*", Text),
            (r" +", Whitespace),
            (r"[^\w\s]|\w|\s", Text),
        ],
    }  # fmt: skip


class ConsoleLexer(RegexLexer):
    """Commands after ``$`` and what they print."""

    name = "mremapdsl console"
    flags = re.MULTILINE
    tokens = {  # noqa: RUF012  (Pygments' own way)
        "root": [
            (r"^(\$ )(.*)$", bygroups(Generic.Prompt, Generic.Strong)),
            (r"(?:^(?!\$ ).*\n)+|^.+", using(TraceLexer, stripnl=False, ensurenl=False)),
            (r"\n", Whitespace),
        ],
    }
