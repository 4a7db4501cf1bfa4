"""What other programs read of a run: KTAP, JUnit, GitHub's workflow commands, SARIF.

Each format is a module of its name with ``lines(run)``, which makes the lines of the document from a
:class:`mremapdsl.output.results.RunResult`. Nothing here is imported unless a report is asked for.
"""

FORMATS = ("ktap", "junit", "github", "sarif")
