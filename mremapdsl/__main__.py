"""``python -m mremapdsl``."""

import sys

from mremapdsl.cli import main

if __name__ == "__main__":
    sys.exit(main())
