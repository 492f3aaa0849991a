"""Programs that are started with standard descriptors closed: what they print
must not reach a server, a mailbox or a file of theirs, which would get the free
numbers."""

import contextlib
import os
import subprocess

import harness

CLOSED = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
CLOSED_OUT = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"]


def standard(pid):
    """Where 0, 1 and 2 of a process lead; what is closed is left out."""
    found = {}
    for number in range(3):
        with contextlib.suppress(FileNotFoundError):
            found[number] = os.readlink("/proc/%d/fd/%d" % (pid, number))
    return found


NOWHERE = {number: "/dev/null" for number in range(3)}


def started(pid, name):
    """The shell before has become the program."""
    with open("/proc/%d/comm" % pid, encoding="ascii") as f:
        return f.read().strip() == os.path.basename(name)[:15]


def await_null(process, name, want):
    harness.wait_for(lambda: started(process.pid, name) and
                     standard(process.pid) == want, 20,
                     lambda: standard(process.pid))


def test_the_servers():
    with harness.Pair(start=False) as pair:
        for server in (pair.receiver, pair.sender):
            server.sections["server"]["log-file"] = server.log_path
            server.write_config()
            process = subprocess.Popen(
                [*CLOSED, harness.program(server.name), "--foreground",
                 "--config", server.config])
            server.process = process
            harness.wait_for(lambda s=server: os.path.exists(s.ports_path))
            assert standard(process.pid) == NOWHERE


def test_mailsh_speaks_to_nobody_else():
    with harness.Pair(sender=False) as pair:
        where = os.path.join(pair.directory, "seen")
        script = ("login bob@xyz.com --password secret --pop3 127.0.0.1:%d\n"
                  "echo RSET\n! ls -l /proc/$PPID/fd >%s\ncount\n" % (
                      pair.pop3_port, where))
        path = pair.write("script", script.encode())
        done = subprocess.run([*CLOSED, harness.program("mailsh"), "-f", path],
                              env=pair.environment(), timeout=50, check=False)
        assert done.returncode == 0
        with open(where, encoding="utf-8") as f:
            seen = f.read()
        assert seen.count("-> /dev/null\n") == 3, seen
        assert "RSET" not in pair.receiver.log()


def test_the_commands(tmp_path):
    # each waits for input, so that it can be looked at
    out, put = os.pipe()
    process = subprocess.Popen(
        [*CLOSED, harness.program("postpair-admin"), "user", "add",
         "--users", str(tmp_path / "users"), "--password-fd", str(out),
         "bob@xyz.com"], pass_fds=[out])
    await_null(process, "postpair-admin", NOWHERE)
    os.write(put, b"some password\n")
    os.close(put)
    os.close(out)
    assert process.wait(50) == 0
    with open(tmp_path / "users", encoding="utf-8") as f:
        assert [line.split()[0] for line in f] == ["bob@xyz.com"]
    process = subprocess.Popen(
        [*CLOSED_OUT, harness.program("postpair-sendmail"), "bob@xyz.com"],
        stdin=subprocess.PIPE)
    want = {0: os.readlink("/proc/self/fd/%d" % process.stdin.fileno()),
            1: "/dev/null", 2: "/dev/null"}
    await_null(process, "postpair-sendmail", want)
    process.kill()
    process.wait()
