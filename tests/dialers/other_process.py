"""`python -m tests.dialers.other_process`: what another process would do; asks one dialer as its arguments say.

Arguments: DATA_DIR, URL, PASSWORD (or USER:PASSWORD), RUN_ID, how many threads, how many downloads each, connections
allowed, and `wait` to keep everything open until killed. Prints the name of the error of each thread, or `fine`.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from errors import SyncError
from tests.dialers.sources import REPORT, connect_to, download_through, quick, source


def main() -> None:
    folder, url, login, run_id, threads, downloads, allowed, *wait = sys.argv[1:]
    settings = quick(Path(folder), http_timeout=20, request_timeout=20)
    user, _, password = login.rpartition(":")
    who = source(url, username=user or REPORT.user, password=password, max_connections=int(allowed))
    together = threading.Barrier(int(threads))

    def ask(_: int) -> str:
        together.wait()
        try:
            with connect_to(who, settings, run_id) as dialer:
                for _ in range(int(downloads)):
                    download_through(dialer, settings)
                if wait:
                    sys.stdout.write("open\n")
                    sys.stdout.flush()
                    time.sleep(60)
        except SyncError as exc:
            return type(exc).__name__
        return "fine"

    with ThreadPoolExecutor(int(threads)) as pool:
        sys.stdout.write("\n".join(pool.map(ask, range(int(threads)))) + "\n")


if __name__ == "__main__":
    main()
