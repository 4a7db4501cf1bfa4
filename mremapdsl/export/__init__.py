"""Scenarios as a C program in the style of a kernel selftest, for kernels under test where Python is absent.

``select`` says which scenarios a program can test, ``scenario`` writes one as a function (``operations`` and
``predicates`` its statements), ``program`` puts the file together with the helpers of ``runtime.c`` that it uses.
"""
