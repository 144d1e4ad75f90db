"""The check for POSIX semaphores. Some containers have none, and libraries can stumble over that."""

import multiprocessing

from errors import Notice


def find_missing_semaphores() -> Notice | None:
    """Return a warning if this machine has no semaphores."""
    try:
        multiprocessing.get_context("spawn").RLock()
    except (OSError, ImportError) as exc:
        why = getattr(exc, "strerror", None) or type(exc).__name__
        return Notice(
            f"This machine has no POSIX semaphores ({why}), so that workers do without: /dev/shm is missing, or closed"
            " to this user.",
            "Mount it (a tmpfs; in a container --shm-size or --ipc) where you can; nothing that was read is wrong.",
        )
    return None
