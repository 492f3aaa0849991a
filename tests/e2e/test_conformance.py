"""doc/conformance.md names a test for each promise: all of them exist."""

import glob
import os
import re

import harness

TOP = harness.top_srcdir()


def rows():
    """The rows of the tables, each the text of its cells; no heads."""
    with open(os.path.join(TOP, "doc", "conformance.md"), encoding="utf-8") as f:
        lines = [line.strip() for line in f]
    for at, line in enumerate(lines):
        head = re.match(r"\|[-|]+\|$", (lines + [""])[at + 1])
        if line.startswith("|") and not head and \
                not re.match(r"\|[-|]+\|$", line):
            yield line


def named_in(row):
    """(file, function or "") of all that a row names; `::more` belongs to the
    file before it."""
    found, path = [], None
    for name in re.findall(r"`((?:tests/|::)[^`]+)`", row):
        one, _, function = name.partition("::")
        path = one or path
        assert path, row
        found.append((path, function))
    return found


def named():
    return [one for row in rows() for one in named_in(row)]


def test_every_row_names_tests_and_none_twice():
    for row in rows():
        found = named_in(row.split("|")[-2])
        assert found, row
        assert len(found) == len(set(found)), row


def test_no_row_is_there_twice():
    promises = [" ".join(row.split("|")[1:-2]).strip() for row in rows()]
    assert [p for p in promises if promises.count(p) > 1] == []


def test_every_test_named_exists_and_is_run():
    assert len(named()) > 40
    for path, function in named():
        found = glob.glob(os.path.join(TOP, path))
        assert found, path
        if not function:
            continue
        with open(found[0], encoding="utf-8") as f:
            text = f.read()
        if path.endswith(".py"):
            assert "def %s(" % function in text, (path, function)
            assert function.startswith("test_"), (path, function)
        else:
            assert "\n%s(void **" % function in text, (path, function)
            assert len(re.findall(r"\b%s\b" % function, text)) > 1, \
                (path, function)  # named in the table of those run, too


def test_a_row_names_the_function_and_not_the_file_alone():
    for path, function in named():
        assert function or path.endswith(".t") or "/fuzz/" in path, path


def test_every_requirement_has_a_test_of_its_name():
    for n in range(1, 12):
        assert any(function.startswith("test_f%02d_" % n)
                   for _, function in named()), "F%d" % n
