"""Renderers: pure functions from run records to text."""
