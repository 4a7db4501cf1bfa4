"""For all tests."""

collect_ignore_glob = ["*.mrs"]
"""The tests run them as they need; the plugin would run those that fail on purpose."""
