"""``python -m parquetry``, and the console script."""

import sys

from parquetry.reader import interrupts


def main(beside: str = "") -> int:
    """Load the door and go through it; a signal is answered while it loads.

    Args:
        beside: The path of a ``build_dataset.py`` of a few lines: the installed one builds for the recipe beside it.
    """
    interrupts.end_at_once()
    from parquetry.reader import cli
    from parquetry.reader.story import story

    return cli.main(story(), beside) if beside else cli.main()


if __name__ == "__main__":
    sys.exit(main())
