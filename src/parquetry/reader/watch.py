"""What is being read of a release, told to who watches over it.

A file can be made so that its reader crashes, or takes all memory, or never ends. Whoever judges a release says before
each step what it reads, and how much that may need; `confined` holds it to that.
"""

from __future__ import annotations

from collections.abc import Mapping

from parquetry.words.errors import Problem


class Watch:
    """Lets everything be read, for as long as it takes."""

    #: Files that are known to be unreadable, and why: they are not to be opened.
    lost: Mapping[str, Problem] = {}

    def reading(self, path: str, memory: int, work: int) -> None:
        """Hear what the next step reads.

        Args:
            path: A file of the release.
            memory: Bytes that may be needed for it, beside what any step may need.
            work: Bytes to be gone through, beside what any step may go through.
        """
