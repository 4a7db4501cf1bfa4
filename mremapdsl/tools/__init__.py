"""Adapters: what other programs need to handle scenarios. Nothing here is imported unless such a program asks."""
