"""The running kernel as a backend: the same operations, carried out by processes of this tool's own.

``session.Session`` starts one helper process and makes a fresh machine (``backend.LiveBackend``) for each scenario;
``observe`` reads what /proc shows, ``deep`` what BPF shows besides; ``settings`` changes the machine and puts it back.
"""
