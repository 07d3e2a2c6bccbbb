"""Where runs keep their models: a folder of this server, and nothing left behind by one that was killed.

The folder holds a lock that the system lets go when the process dies, however it does; whoever can take it may clean up.
"""

import os
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

PREFIX = "gptviz-runs-"
LOCK = "lock"

_making = threading.Lock()
_own: tuple[tempfile.TemporaryDirectory, FileLock] | None = None


def folder() -> tempfile.TemporaryDirectory:
    """A new folder for one run, removed with the object that is returned. Raises OSError when none can be made."""
    global _own
    with _making:
        if _own is None or not Path(_own[0].name).is_dir():  # some systems clean up what lies here for long
            made = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
            lock = FileLock(Path(made.name) / LOCK, thread_local=False)
            lock.acquire(timeout=0)
            _own = made, lock
        return tempfile.TemporaryDirectory(prefix="run-", dir=_own[0].name, ignore_cleanup_errors=True)


def sweep() -> None:
    """Remove the folders of servers that are no more. What cannot be read or removed stays, and so does what is not ours."""
    for found in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _ours(found) and (found / LOCK).is_file():
                with FileLock(found / LOCK, timeout=0):  # raises where another server holds it
                    for run in found.glob("run-*"):
                        shutil.rmtree(run)
                shutil.rmtree(found)


def _ours(found: Path) -> bool:
    """Whether it is a folder that this user made: others may put anything here, such as a link to somewhere else."""
    return not found.is_symlink() and (not hasattr(os, "getuid") or found.lstat().st_uid == os.getuid())
