"""Searching all scenarios up to a bound: canonical states, breadth-first search, witnesses as scenario files."""
