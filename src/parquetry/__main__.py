"""``python -m parquetry``, and the console script."""

import sys

from parquetry.reader import interrupts


def main() -> int:
    """Load the door and go through it; a signal is answered while it loads."""
    interrupts.end_at_once()
    from parquetry.reader import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
