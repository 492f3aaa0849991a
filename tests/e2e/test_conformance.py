"""doc/conformance.md names a test for each promise: all of them exist."""

import glob
import os
import re

import harness

TOP = harness.top_srcdir()


def named():
    """(file, function or "") of all that the page names; `::more` belongs to the
    file before it."""
    found, path = [], ""
    with open(os.path.join(TOP, "doc", "conformance.md"), encoding="utf-8") as f:
        rows = "".join(line for line in f if line.startswith("|"))
        for name in re.findall(r"`((?:tests/|::)[^`]+)`", rows):
            one, _, function = name.partition("::")
            path = one or path
            found.append((path, function))
    return found


def test_every_test_named_exists():
    assert len(named()) > 40
    for path, function in named():
        found = glob.glob(os.path.join(TOP, path))
        assert found, path
        if function:
            with open(found[0], encoding="utf-8") as f:
                start = "def %s(" if path.endswith(".py") else "\n%s(void **"
                assert start % function in f.read(), (path, function)


def test_a_row_names_the_function_and_not_the_file_alone():
    for path, function in named():
        assert function or path.endswith(".t") or "/fuzz/" in path, path


def test_every_requirement_has_a_test_of_its_name():
    for n in range(1, 12):
        assert any(function.startswith("test_f%02d_" % n)
                   for _, function in named()), "F%d" % n
