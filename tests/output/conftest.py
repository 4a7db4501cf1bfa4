"""The command line, for all tests of reports."""

from tests.cli.conftest import cli

__all__ = ["cli"]
