"""For all tests."""

import signal

collect_ignore_glob = ["*.mrs"]
"""The tests run them as they need; the plugin would run those that fail on purpose."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Jobs in the background of a shell ignore interrupts, and so would the programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
