"""postpair-admin as administrators and their scripts use it, and what a running
server makes of it."""

import json
import os
import poplib
import select
import stat
import subprocess
import time

import harness
import pytest


def admin(*args, password=None, **more):
    return subprocess.run(
        [harness.program("postpair-admin"), *args], capture_output=True,
        input=None if password is None else password + "\n", text=True,
        stdin=subprocess.DEVNULL if password is None else None,
        timeout=30, check=False, **more)


@pytest.fixture(name="users")
def _users(tmp_path):
    return str(tmp_path / "users")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_a_user_is_added_listed_and_removed(users):
    done = admin("user", "add", "Alice@ABC.com", "--users", users, "--quota",
                 "100M", "--alias", "a.smith@abc.com", "--alias=a@abc.com",
                 password="secret")
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(os.stat(users).st_mode) == 0o600
    assert read(users).startswith("alice@abc.com  {SCRAM-SHA-256}10000,")
    assert "secret" not in read(users)
    admin("user", "add", "bob@xyz.com", "-f", users, "--plain", password="b")

    listed = json.loads(admin("user", "list", "-f", users, "--json").stdout)
    assert listed == [
        {"address": "alice@abc.com", "quota": 100 << 20, "disabled": False,
         "aliases": ["a.smith@abc.com", "a@abc.com"],
         "send-as": [], "schemes": ["SCRAM-SHA-256"]},
        {"address": "bob@xyz.com", "quota": 0, "disabled": False,
         "aliases": [], "send-as": [], "schemes": ["PLAIN"]}]
    assert admin("user", "list", "-f", users).stdout.splitlines()[1] == \
        "bob@xyz.com"
    assert admin("user", "check", "-f", users).stdout == "2 users\n"

    assert admin("user", "remove", "alice@abc.com", "-f", users).returncode \
        == 0
    assert read(users) == "bob@xyz.com  {PLAIN}b\n"


def test_the_schemes_are_chosen(users):
    add = ("user", "add", "bob@xyz.com", "-f", users)
    done = admin(*add, "--scheme=scram-sha-256,SCRAM-SHA-1,crypt",
                 "--iterations=4096", password="b")
    assert done.returncode == 0, done.stderr
    words = read(users).split()
    assert words[1].startswith("{SCRAM-SHA-256}4096,")
    assert words[2].startswith("{SCRAM-SHA-1}4096,")
    assert words[3].startswith("{CRYPT}$y$")
    assert admin("user", "passwd", "bob@xyz.com", "-f", users,
                 "--scheme=scram-sha-1", password="c").returncode == 0
    assert [w[:13] for w in read(users).split()] == \
        ["bob@xyz.com", "{SCRAM-SHA-1}"]
    assert admin("user", "add", "carol@xyz.com", "-f", users,
                 password="c").returncode == 0
    assert admin("user", "check", "-f", users).stdout == (
        "2 users\nSCRAM-SHA-256 is not offered by itself: bob@xyz.com has no "
        "key for it\n")
    assert admin("user", "remove", "carol@xyz.com", "-f", users).returncode \
        == 0

    for option, reason in (
            ("--scheme=scram-sha-265", "did you mean 'scram-sha-256'?"),
            ("--scheme=", "unknown scheme ''"),
            ("--scheme=crypt,crypt", "crypt stands twice"),
            ("--iterations=4095", "is not 4096 to 1000000"),
            ("--iterations=x", "is not 4096 to 1000000")):
        before = read(users)
        done = admin("user", "passwd", "bob@xyz.com", "-f", users, option,
                     password="d")
        assert done.returncode == 65 and reason in done.stderr, done.stderr
        assert read(users) == before
    # A password that SCRAM cannot take (RFC 4013) is said to be one.
    done = admin("user", "passwd", "bob@xyz.com", "-f", users,
                 password="a\u0007")
    assert done.returncode == 65 and "RFC 4013" in done.stderr
    assert admin("user", "list", "-f", users, "--scheme=crypt").returncode \
        == 64


def test_a_password_comes_from_a_descriptor(users):
    r, w = os.pipe()
    os.write(w, "gr\u00fc\u00df e\nnot this".encode())
    os.close(w)
    done = admin("user", "add", "bob@xyz.com", "-f", users, "--plain",
                 "--password-fd=%d" % r, pass_fds=[r])
    os.close(r)
    assert done.returncode == 0, done.stderr
    assert read(users) == "bob@xyz.com  {PLAIN}gr\u00fc\u00df%20e\n"


def on_terminal(args, typed):
    """Run it on a terminal, type a line after each prompt; returns the exit
    status and all that could be seen."""
    pid, fd = harness.fork_terminal()
    if pid == 0:
        os.execv(harness.program("postpair-admin"), ["postpair-admin", *args])
    seen, end = b"", time.monotonic() + 30
    prompts = 0
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:  # the other side is gone
            break
        seen += data
        if seen.count(b": ") > prompts and seen.endswith(b": ") and typed:
            prompts = seen.count(b": ")
            os.write(fd, typed.pop(0))
    os.close(fd)
    return os.waitpid(pid, 0)[1], seen


def test_the_prompt_asks_twice_and_shows_nothing(users):
    status, seen = on_terminal(["user", "add", "bob@xyz.com", "-f", users],
                               [b"secret\n", b"secret\n"])
    assert os.waitstatus_to_exitcode(status) == 0, seen
    assert b"secret" not in seen
    assert read(users).startswith("bob@xyz.com  {SCRAM-SHA-256}10000,")

    status, seen = on_terminal(["user", "passwd", "bob@xyz.com", "-f", users],
                               [b"one\n", b"two\n"])
    assert os.waitstatus_to_exitcode(status) == 65
    assert b"the two are not the same" in seen


def test_an_interrupt_ends_the_prompt(users):
    status, _ = on_terminal(["user", "add", "bob@xyz.com", "-f", users],
                            [b"sec\x03"])
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == 2
    assert not os.path.exists(users)


@pytest.mark.parametrize("args, status, reason", [
    ([], 64, "no command"),
    (["user"], 64, "no command after 'user'"),
    (["user", "ad", "x"], 64, "did you mean 'add'?"),
    (["usr", "add"], 64, "did you mean 'user'?"),
    (["user", "add"], 64, "Usage: postpair-admin user add ADDRESS"),
    (["user", "list", "--jsn"], 64, "unknown option '--jsn'"),
    (["user", "list", "--quota"], 64, "a value is missing after '--quota'"),
    (["user", "passwd", "alice@abc.com", "--quota=1M"], 64,
     "user passwd takes no --quota"),
    (["user", "add", "bob"], 65, "'bob' is not an address"),
    (["user", "add", "b@xyz.com", "--quota=x"], 65, "'x' is not a size"),
    (["user", "add", "b@xyz.com", "--alias=x"], 65, "alias: 'x' is not"),
    (["user", "add", "alice@abc.com"], 65, "alice@abc.com already"),
    (["user", "remove", "nobody@abc.com"], 67, "no user nobody@abc.com"),
    (["user", "passwd", "nobody@abc.com"], 67, "no user nobody@abc.com"),
    (["user", "list", "--users=/proc/none"], 66, "/proc/none"),
])
def test_mistakes_have_a_status_and_a_reason(users, args, status, reason):
    with open(users, "w", encoding="utf-8") as f:
        f.write("alice@abc.com {PLAIN}secret\n")
    if not any(a.startswith("--users") for a in args):
        args = ["--users=" + users, *args]
    done = admin(*args, password="secret")
    assert done.returncode == status
    assert reason in done.stderr
    assert read(users) == "alice@abc.com {PLAIN}secret\n"


def test_an_empty_password_is_refused(users):
    done = admin("user", "add", "bob@xyz.com", "-f", users, password="")
    assert done.returncode == 65
    assert "the password is empty" in done.stderr
    assert not os.path.exists(users)


def test_a_wrong_line_is_named_and_the_file_left_alone(users):
    text = "alice@abc.com {PLAIN}secret\n\nbob@xyz.com qouta=1M\n"
    with open(users, "w", encoding="utf-8") as f:
        f.write(text)
    for args in (["user", "check"], ["user", "list"],
                 ["user", "remove", "alice@abc.com"],
                 ["user", "add", "carol@xyz.com"]):
        done = admin(*args, "-f", users, password="x")
        assert done.returncode == 78
        assert users + ":3: unknown attribute 'qouta', did you mean " \
            "'quota'?" in done.stderr
    assert read(users) == text


def test_a_running_server_takes_changes_over():
    with harness.Pair(sender=False) as pair:
        def can_log_in(user, password):
            box = poplib.POP3("127.0.0.1", pair.pop3_port, timeout=30)
            try:
                box.user(user)
                box.pass_(password)
                box.quit()
                return True
            except poplib.error_proto:
                box.close()
                return False

        config = ["--config", pair.receiver.config]
        for i in range(5):
            user = "dora%d@xyz.com" % i
            admin("user", "add", user, *config, "--plain", password="one")
            assert can_log_in(user, "one")
            admin("user", "passwd", user, *config, password="two")
            assert can_log_in(user, "two")
            admin("user", "remove", user, *config)
            with harness.Wire(pair.smtp_port) as wire:
                wire.reply()
                wire.ask(b"EHLO x")
                wire.ask(b"MAIL FROM:<>")
                reply = wire.ask(b"RCPT TO:<%s>" % user.encode())
                assert reply.startswith(b"550 5.1.1 ")
        assert not can_log_in("dora0@xyz.com", "two")
        assert can_log_in("bob@xyz.com", harness.PASSWORD)


def test_a_configuration_is_checked():
    with harness.Pair() as pair:
        where = {**os.environ, "PATH": ":".join(
            [os.path.dirname(harness.program("postpair-sender")),
             os.path.dirname(harness.program("postpair-receiver")),
             os.environ["PATH"]])}
        for name, server in (("sender", pair.sender),
                             ("receiver", pair.receiver)):
            done = admin("config", "check", name, server.config, env=where)
            assert done.returncode == 0, done.stderr
        wrong = pair.sender.config + ".wrong"
        with open(wrong, "w", encoding="utf-8") as f:
            f.write("[submission]\nsize-mx = 25M\n")
        done = admin("config", "check", "sender", wrong, env=where)
        assert done.returncode == 78
        assert wrong + ":2: size-mx: unknown key in [submission], did you " \
            "mean 'size-max'?" in done.stderr
        with open(pair.users_path, "a", encoding="utf-8") as f:
            f.write("nonsense\n")
        done = admin("config", "check", "sender", pair.sender.config,
                     env=where)
        assert done.returncode == 78
        assert ":%d: " % (len(pair.users) + 1) in done.stderr
        assert admin("config", "check", "cook", wrong).returncode == 64
        assert admin("config", "check", "sender",
                     "/dev/null/none").returncode == 66
