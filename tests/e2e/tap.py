#!/usr/bin/env python3
"""Run one pytest file and print TAP: the py driver of `make check`.

    tap.py tests/e2e/test_pair.py [pytest arguments]

One line a test: "ok N - name", "not ok N - name" followed by the failure as
"#" lines, "ok N - name # SKIP reason".  Every phase of a test (set-up, call,
tear-down) has a deadline, 60 s or what @pytest.mark.deadline(seconds) says.
Nothing is written beside the sources.
"""

import os
import re
import signal
import sys
import tempfile

sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

DEADLINE_S = 60
COMMENT_LINES_MAX = 200


class Late(Exception):
    """A test ran into its deadline."""


class Tap:
    """A pytest plug-in that keeps the reports of a test and prints a line."""

    def __init__(self, out):
        self.out = out
        self.count = 0
        self.failed = 0
        self.reports = []

    def line(self, text):
        print(text, file=self.out, flush=True)

    def comment(self, text):
        lines = text.splitlines()
        if len(lines) > COMMENT_LINES_MAX:
            lines = ["... (%d lines left out)" % (len(lines) - COMMENT_LINES_MAX)] \
                + lines[-COMMENT_LINES_MAX:]
        for one in lines:
            # a NUL or an escape in a failure must not confuse the reader
            self.line("# " + re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "?", one))

    def result(self, ok, name, reports=(), skip=None):
        self.count += 1
        text = "%s %d - %s" % ("ok" if ok else "not ok", self.count, name)
        if skip is not None:
            text += " # SKIP " + skip
        self.line(text)
        if ok:
            return
        self.failed += 1
        for report in reports:
            if report.failed:
                self.comment(report.longreprtext)
                for title, content in report.sections:
                    self.comment("--- " + title)
                    self.comment(content)

    # ---- pytest's hooks ------------------------------------------------

    def pytest_runtest_logreport(self, report):
        self.reports.append(report)

    def pytest_runtest_logfinish(self, nodeid):
        reports, self.reports = self.reports, []
        name = nodeid.split("::", 1)[-1].replace("#", "_")
        if any(r.failed for r in reports):
            self.result(False, name, reports)
        elif any(r.skipped for r in reports):
            why = next(r.longrepr for r in reports if r.skipped)
            why = why[2] if isinstance(why, tuple) else str(why)
            self.result(True, name, skip=why.removeprefix("Skipped: "))
        else:
            self.result(True, name)

    def pytest_collectreport(self, report):
        if report.failed:
            self.result(False, "collect " + (report.nodeid or "tests"), [report])
        elif report.skipped:
            why = report.longrepr
            why = why[2] if isinstance(why, tuple) else str(why)
            self.result(True, report.nodeid, skip=why.removeprefix("Skipped: "))


def deadlines(pytest):
    """The plug-in that stops a phase of a test at its deadline."""

    def late(_signal, _frame):
        raise Late("the test ran into its deadline")

    signal.signal(signal.SIGALRM, late)

    class Deadlines:
        def pytest_configure(self, config):
            config.addinivalue_line("markers", "deadline(seconds): for a phase")

        def bounded(self, item):
            mark = item.get_closest_marker("deadline")
            signal.alarm(int(mark.args[0]) if mark else DEADLINE_S)
            yield
            signal.alarm(0)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_setup(self, item):
            yield from self.bounded(item)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_call(self, item):
            yield from self.bounded(item)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_teardown(self, item):
            yield from self.bounded(item)

    return Deadlines()


def main(argv):
    if len(argv) < 2:
        print("usage: tap.py FILE [pytest arguments]", file=sys.stderr)
        return 2
    # The TAP goes to a copy of descriptor 1, pytest's own report to nowhere.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        import pytest
    except ImportError:
        print("1..0 # SKIP pytest is missing: install Debian's python3-pytest",
              file=out, flush=True)
        return 0
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    tap = Tap(out)
    # Not the directory that pytest shares between its runs: each makes that
    # its user's alone again, and servers of other users lost their keys there.
    with tempfile.TemporaryDirectory(prefix="postpair-",
                                     ignore_cleanup_errors=True) as temporary:
        status = pytest.main(
            ["-p", "no:cacheprovider", "-c", os.devnull,
             "--basetemp", os.path.join(temporary, "t"),
             "--rootdir", os.path.dirname(os.path.abspath(argv[1])),
             *argv[1:]],
            plugins=[tap, deadlines(pytest)])
    if tap.count == 0 and status not in (0, 5):
        tap.result(False, "pytest ended with status %d" % status)
    tap.line("1..%d" % tap.count if tap.count else "1..0 # SKIP no tests in it")
    return 0  # the lines say it; a status too would count a failure twice


if __name__ == "__main__":
    sys.exit(main(sys.argv))
