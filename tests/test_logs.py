"""Log lines: their form, also on a poor console, and no secret in them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (INFO|ERROR|WARNING) - .*")


def output_of(code: str, encoding: str = "utf-8") -> str:
    """Return the output of a program after the set-up of the log. It must not fail."""
    program = f"import logging, logs\nlogs.set_up('INFO')\nlog = logging.getLogger('x')\n{code}"
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode(encoding)


def test_a_line_has_its_moment_level_and_text() -> None:
    (line,) = output_of("log.info('Campaign %s done ✓', 1); log.debug('unseen')").splitlines()
    assert LINE.fullmatch(line)
    assert line.endswith(" - INFO - Campaign 1 done ✓")


def test_a_console_without_the_sign_still_prints_the_line() -> None:
    (line,) = output_of("log.info('done ✓')", "cp1252").splitlines()
    assert line.endswith(" - INFO - done ?")


def test_setting_up_twice_prints_once() -> None:
    assert len(output_of("logs.set_up('INFO'); log.info('once')").splitlines()) == 1


def test_a_secret_is_hidden_in_arguments_urls_and_tracebacks() -> None:
    output = output_of(
        "logs.hide('pa ss/w+rd'); logs.hide('abc')\n"
        "log.info('%s', {'password': 'pa ss/w+rd'})\n"
        "log.info('pass=pa%20ss%2Fw%2Brd&x pass=pa+ss%2Fw%2Brd')\n"
        "log.info('abc')\n"
        "try: raise ValueError('pa ss/w+rd')\n"
        "except ValueError: log.exception('failed')\n"
    )
    assert "{'password': '***'}" in output
    assert "pass=***&x pass=***" in output
    assert "ValueError: ***" in output
    assert "- abc" in output  # too short to be hidden


def test_libraries_do_not_log_urls() -> None:
    assert output_of("logs.set_up('DEBUG'); logging.getLogger('urllib3.connectionpool').debug('GET /?pass=x')") == ""


def test_a_record_that_cannot_be_written_is_not_shown_raw() -> None:
    assert output_of("logs.hide('secret'); log.info('%d', 'secret')") == ""
