"""Static sites of scenarios: prose, source, steps with pictures, and rule sets side by side.

:func:`mremapdsl.report.site.build` writes one.  The pages need no server, no network and, to be read, no script.
"""
