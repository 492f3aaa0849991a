"""The shell's scripts: shell/NAME.msh is run against a pair of its own and must
end with the status, standard output and standard error that shell/NAME.out
holds.  What differs from run to run (ids, ports, dates) is replaced first.

To take over a change on purpose, look at the difference that the failed test
shows; MAILSH_ACCEPT=1 writes the files anew in a writable source tree."""

import os
import re

import harness
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = sorted(name[:-4] for name in os.listdir(os.path.join(HERE, "shell"))
                 if name.endswith(".msh"))


def fixed(text, where):
    text = text.replace(where, "SCRIPT")
    text = re.sub(r"<[0-9a-z]{16}@", "<ID@", text)
    text = re.sub(r"\b[0-9a-z]{16} queued", "ID queued", text)
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", text)
    # who else has mail by now is a matter of timing
    text = re.sub(r"; \d+ messages?\)", "; N messages)", text)
    # a Date is longer from the tenth of a month on
    text = re.sub(r"would send \d+ bytes", "would send N bytes", text)
    return re.sub(r"^Date: .*$", "Date: DATE", text, flags=re.M)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name):
    script = os.path.join(HERE, "shell", name + ".msh")
    expected = os.path.join(HERE, "shell", name + ".out")
    port, held = harness.closed_port()
    with held, harness.Pair(
            routes={"far.example": "127.0.0.1:%d" % port}) as pair:
        out = pair.mailsh("", "-f", script, status=None)
        got = "status %d\n--- output\n%s--- errors\n%s" % (
            pair.status, fixed(out, script), fixed(pair.stderr, script))
    if os.environ.get("MAILSH_ACCEPT"):
        with open(expected, "w", encoding="utf-8") as f:
            f.write(got)
    with open(expected, encoding="utf-8") as f:
        assert got == f.read()
