"""doc/conformance.md names a test for each promise: all of them exist."""

import glob
import os
import re

import harness

TOP = harness.top_srcdir()


def named():
    with open(os.path.join(TOP, "doc", "conformance.md"), encoding="utf-8") as f:
        return re.findall(r"`(tests/[^`]+)`", f.read())


def test_every_test_named_exists():
    assert len(named()) > 40
    for name in named():
        path, _, function = name.partition("::")
        found = glob.glob(os.path.join(TOP, path))
        assert found, path
        if function:
            with open(found[0], encoding="utf-8") as f:
                begin = "\n%s(" if path.endswith(".c") else "def %s("
                assert begin % function in f.read(), name


def test_every_requirement_has_a_test_of_its_name():
    for n in range(1, 12):
        assert any("::test_f%02d_" % n in name for name in named()), "F%d" % n
