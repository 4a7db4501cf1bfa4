"""What real kernels did, kept as data: one JSON object a line, one line a program.

    {"id": "…", "ops": [{"p": "P0", "op": "touch", "at": 16, "len": 4, "val": 1}, …],
     "seen": [{"ret": 0, "state": {"P0": {"vmas": […], "pages": […]}}}, …]}

The first line of our own files says where they come from; it is a program that does nothing, so that readers which
know only programs can read on.  docs/live.md describes every field.
"""
