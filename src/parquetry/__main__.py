"""``python -m parquetry``: the same as the console script."""

import sys

from parquetry.reader.cli import main

if __name__ == "__main__":
    sys.exit(main())
