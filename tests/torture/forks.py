"""Command lines -> how each ended, how long it took, and how much memory it had.

    python forks.py < JOBS > RESULTS

All that the command line needs is loaded once, and every command line runs in a fork of that, as a new process would.
A job on standard input is a line of JSON: a list of command lines with their folder; one that begins with `then` runs
if the one before ended in 0. A result is a line of JSON, too.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import build_dataset
import matplotlib.backends.backend_svg
import matplotlib.pyplot  # noqa: F401 (loaded once for all)

from parquetry.reader import cli

#: Seconds after which a command line is ended: whoever waits so long has given up.
PATIENCE = 60


def run(folder: Path, words: list[str]) -> dict[str, Any]:
    """Run one command line: `build …` as build_dataset.py does, else as the console script."""
    start, said = time.perf_counter(), [folder / "stdout.txt", folder / "stderr.txt"]
    child = os.fork()
    if not child:
        _become(folder, words, said)
    _, status, used = os.wait4(child, 0)
    out, err = (path.read_bytes().decode("utf-8", "replace") for path in said)
    found = {"words": words, "folder": str(folder), "exit": os.waitstatus_to_exitcode(status), "out": out, "err": err}
    return found | {"seconds": round(time.perf_counter() - start, 3), "mb": used.ru_maxrss // 1024}


def _become(folder: Path, words: list[str], said: list[Path]) -> None:
    """Be the process of a command line, to its end."""
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(PATIENCE)
    os.chdir(folder)
    code = 1
    try:
        if words[0] == "build":
            sys.argv = ["build_dataset.py", *words[1:]]
            code = cli.main(build_dataset.build, "build_dataset.py")
        else:
            sys.argv = ["parquetry", *words]
            code = cli.main()
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run all jobs."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        job = json.loads(line)
        code = 0
        for words in job["lines"]:
            if words[0] == "then" and code:
                continue
            found = run(Path(job["folder"]), words[words[0] == "then" :])
            code = found["exit"]
            results.write(json.dumps({"job": job["name"], **found}) + "\n")
    results.close()


if __name__ == "__main__":
    main()
