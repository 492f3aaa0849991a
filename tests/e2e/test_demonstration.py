"""The demonstration script does what it says, and quickstart can be asked."""

import configparser
import os
import re
import subprocess

import harness
import pytest
from certificates import Lab

# What must be seen, in this order.
SEEN = [
    r"logged in as alice@abc\.com  smtp localhost:\d+ \(TLS, verified\)  "
    r"pop3 localhost:\d+ \(TLS, verified; 0 messages\)",
    r"sent <\S+> to bob@xyz\.com, carol@xyz\.com: 250 2\.0\.0 \S+ stored for "
    r"2 recipients\n  bob@xyz\.com: stored\n  carol@xyz\.com: stored\n",
    r"550 5\.1\.1 <nobody@xyz\.com>.*\[refused\], as expected",
    r"sent <\S+> to dave@far\.example: 250 2\.0\.0 \S+ queued\n"
    r"  dave@far\.example: queued: 451 4\.4\.1 .*cannot connect",
    r"logged in as bob@xyz\.com",
    r"alice@abc\.com.*\bLunch",
    r"From: alice@abc\.com\nTo: bob@xyz\.com, carol@xyz\.com\n"
    r"(?:.+\n)*\nHello Bob, hello Carol,\n\nlunch at noon\?\n\nAlice\n",
    r"sent <\S+> to alice@abc\.com: 250",
    r"logged in as alice@abc\.com",
    r"From: bob@xyz\.com\nTo: alice@abc\.com\n(?:.+\n)*\nNoon is fine\. Bob\n",
    r"logged in as carol@xyz\.com",
    r"\n\nHello Bob, hello Carol,\n",
]


def test_demonstration_holds_step_by_step():
    port, held = harness.closed_port()
    with Lab() as lab, held, lab.pair(
            routes={"far.example": "127.0.0.1:%d" % port},
            sender={"submission": {"deliver": "cut-through"}}) as pair:
        path = os.path.join(harness.top_srcdir(), "demo", "demonstration.msh")
        done = pair.run(["sh", "-c", 'exec "$0" "$@" 2>&1',
                         harness.program("mailsh"), "-v", "-H", "localhost",
                         "--smtp-port", str(pair.submission_port),
                         "--pop3-port", str(pair.pop3_port),
                         "--ca", lab.path("ca.crt"), "-f", path])
        text = done.stdout.decode()
        assert done.returncode == 0, text
        rest = text
        for one in SEEN:
            found = re.search(one, rest)
            assert found, "%s is not in:\n%s" % (one, rest)
            rest = rest[found.end():]
        assert "secret" not in text, "a password is shown"
        # the message to far.example waits
        assert len(harness.wait_for(pair.queue)) == 1


def quickstart(*args):
    return subprocess.run(
        [os.path.join(harness.top_srcdir(), "quickstart"), *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_quickstart_explains_itself():
    done = quickstart("help")
    assert done.returncode == 0 and "./quickstart check" in done.stdout
    assert done.stderr == ""
    done = quickstart("frobnicate")
    assert done.returncode == 2 and "./quickstart check" in done.stderr


@pytest.mark.parametrize("name", ["postpair-receiver", "postpair-sender"])
def test_the_example_of_the_manual_starts(name, tmp_path):
    with open(os.path.join(harness.top_srcdir(), "man", name + ".8"),
              encoding="utf-8") as f:
        examples = f.read().partition("\n.Sh EXAMPLES\n")[2]
    text = re.search(r"^\.Bd .*\n((?:.*\n)*?)\.Ed$", examples, re.M).group(1)
    # root starts no server that stays root without a word
    assert "\nuser = postpair\n" in text
    assert "*" not in text and text.count("127.0.0.1:") > 1
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(text.replace("/tmp/demo", str(tmp_path)).replace(
        "\nuser = postpair\n", "\nuser = root\n" if os.geteuid() == 0 else "\n"))
    sections = {key: dict(parsed[key]) for key in parsed.sections()}
    sections["server"]["ports-file"] = str(tmp_path / (name + ".ports"))
    for keys in sections.values():
        if "listen" in keys:  # the test's ports are the kernel's
            keys["listen"] = "127.0.0.1:0"
    made = subprocess.run(
        [harness.program("postpair-admin"), "user", "add", "bob@xyz.com",
         "--users=%s/users" % tmp_path], input=b"secret\n",
        capture_output=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    server = harness.Server(name, str(tmp_path), sections)
    try:
        server.start()
    finally:
        assert server.stop() == 0
