"""What SCRAM shows to whom it does not know (RFC 5802 5.1: salt and count come
before any proof): of 50 users, 50 names that nobody has and 10 that are disabled,
before and after a change of passwords and a restart, nobody can say which is
which, nor guess anybody's password from it."""

import base64
import os
import re
import stat
import subprocess

import harness
import pytest
import scram
from test_login import PROTOCOLS

KNOWN = ["user%02d@abc.com" % i for i in range(50)]
UNKNOWN = ["name%02d@abc.com" % i for i in range(50)]
DISABLED = ["gone%02d@abc.com" % i for i in range(10)]
CHANGED = KNOWN[:20]


def admin(pair, *args, stdin=""):
    done = subprocess.run(
        [harness.program("postpair-admin"), "user", *args, "-f",
         pair.users_path], input=stdin, text=True, capture_output=True,
        timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def set_password(pair, verb, name, password):
    # some have the password itself in the file: their keys are made as asked
    scheme = "plain" if name in KNOWN[::5] else "scram-sha-256,scram-sha-1"
    admin(pair, verb, name, "--scheme=" + scheme, stdin=password + "\n")


@pytest.fixture(scope="module", name="pair")
def _pair():
    with harness.Pair(users={}, start=False) as pair:
        os.unlink(pair.users_path)
        for name in KNOWN + DISABLED:
            set_password(pair, "add", name, "old " + name)
        with open(pair.users_path, encoding="utf-8") as f:
            text = f.read()
        with open(pair.users_path, "w", encoding="utf-8") as f:
            f.write(re.sub(r"^(gone.*)$", r"\1 disabled=yes", text, flags=re.M))
        pair.start()
        yield pair


def ask(pair, protocol, names):
    """Salt, count and length of the first answer, for each name and hash."""
    seen = {}
    wire = PROTOCOLS[protocol](pair)
    for mechanism in scram.HASHES:
        for name in names:
            one = scram.Scram(mechanism, name, "x", nonce="n" * 24)
            kind, text = wire.say("AUTH %s %s" % (mechanism, one.first()))
            assert kind == "more", text
            first = base64.b64decode(text).decode()
            assert wire.say("*")[0] == "no"
            found = re.fullmatch(
                r"r=n{24}([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d+)", first)
            assert found, first
            seen[mechanism, name] = (found.group(2), int(found.group(3)),
                                     len(found.group(1)))
        wire.close()  # so many lines that are no login end a session
        wire = PROTOCOLS[protocol](pair)
    wire.close()
    return seen


def ask_all(pair):
    seen = {}
    for name in range(0, 110, 10):
        for protocol in PROTOCOLS:
            for key, got in ask(pair, protocol, (KNOWN + UNKNOWN + DISABLED)
                                [name:name + 10]).items():
                # both servers say the same
                assert seen.setdefault(key, got) == got, key
    return seen


@pytest.mark.deadline(240)  # 1,980 logins
def test_nothing_tells_who_exists(pair):
    before = ask_all(pair)
    kinds = {(count, length, len(base64.b64decode(salt, validate=True)))
             for salt, count, length in before.values()}
    assert len(kinds) == 1 and {k[0] for k in kinds} == {10000} and \
        {k[2] for k in kinds} == {16}, kinds
    assert len({salt for salt, _, _ in before.values()}) == len(before)
    for name in CHANGED:
        set_password(pair, "passwd", name, "new " + name)
    assert ask_all(pair) == before
    for server in (pair.receiver, pair.sender):
        server.restart()
    assert ask_all(pair) == before
    # and those who exist get in by it, with what they have now
    for protocol, make in PROTOCOLS.items():
        for name in (KNOWN[0], KNOWN[1], KNOWN[21], KNOWN[25]):
            password = ("new " if name in CHANGED else "old ") + name
            wire = make(pair)
            one = scram.Scram("SCRAM-SHA-256", name, password)
            text = wire.say("AUTH SCRAM-SHA-256 " + one.first())[1]
            kind, text = wire.say(one.final(text))
            assert kind == "more", (protocol, name, text)
            one.check(text)
            assert wire.say("")[0] == "ok"
            wire.close()


def test_forms_of_a_name_get_one_answer(pair):
    for name in (KNOWN[1], KNOWN[5], UNKNOWN[1], DISABLED[1]):
        local, domain = name.split("@")
        forms = [name, name.upper(), local + "@" + domain.upper(),
                 '"%s"@%s' % (local, domain),
                 # full-width letters: RFC 4013 makes the usual ones of them
                 "".join(chr(ord(c) + 0xfee0) for c in local) + "@" + domain,
                 local[:1] + "\u00ad" + local[1:] + "@" + domain]
        got = ask(pair, "smtp", forms)
        for mechanism in scram.HASHES:
            assert len({got[mechanism, form] for form in forms}) == 1, got


def test_the_secret_is_nobody_elses(pair):
    """Random, for the servers alone, of no password."""
    path = pair.users_path + ".secret"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="ascii") as f:
        secret = f.read()
    assert re.fullmatch(r"postpair-secret 1 10000 [0-9a-f]{64}\n", secret)
    names = UNKNOWN[:3]
    before = ask(pair, "smtp", names)
    os.unlink(path)
    pair.sender.restart()  # another is made where it is missing
    other = ask(pair, "smtp", names)
    assert not {s for s, _, _ in before.values()} & \
        {s for s, _, _ in other.values()}
    with open(path, "w", encoding="ascii") as f:
        f.write(secret)
    os.chmod(path, 0o644)
    log = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(r"reload-refused.*secret is open to others", after=log)
    check = [harness.program("postpair-sender"), "--check", "--config",
             pair.sender.config]
    done = subprocess.run(check, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and b"users.secret is open to others" in done.stderr
    os.chmod(path, 0o600)
    log = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(r"\breloaded\b", after=log)
    assert ask(pair, "smtp", names) == before


def test_who_has_another_count_is_named(pair):
    admin(pair, "add", "odd@abc.com", "--iterations=20000",
          "--scheme=scram-sha-1,scram-sha-256", stdin="x\n")
    said = admin(pair, "check")
    assert re.search(r"^odd@abc.com can be told .* 20000 iterations", said,
                     re.M), said
    assert "user0" not in said
    for server in (pair.sender, pair.receiver):
        done = subprocess.run(
            [harness.program(server.name), "--check", "--config",
             server.config], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert re.findall(rb"scram-key-differs login=(\S+)", done.stderr) == \
            [b"odd@abc.com"], done.stderr
    # one count for all, the other one
    assert "20000 iterations" in admin(pair, "secret", "--iterations=20000")
    said = admin(pair, "check")
    assert "odd@abc.com" not in said and "user01@abc.com can be told" in said
    log = len(pair.sender.log())
    pair.sender.reload()
    pair.sender.wait_log(r"\breloaded\b", after=log)
    got = ask(pair, "smtp", [UNKNOWN[0], KNOWN[0], "odd@abc.com"])
    assert {count for _, count, _ in got.values()} == {20000}
    admin(pair, "secret", "--iterations=10000")
    admin(pair, "remove", "odd@abc.com")
    assert "can be told" not in admin(pair, "check")


def test_a_server_without_its_secret_does_not_start():
    """What it would make up instead would change at each start."""
    with harness.Pair(sender=False, start=False) as pair:
        pair.receiver.write_config()
        os.mkdir(pair.users_path + ".secret")
        done = subprocess.run(
            [harness.program("postpair-receiver"), "--foreground", "--config",
             pair.receiver.config], capture_output=True, timeout=60,
            check=False)
        assert done.returncode != 0
        assert b"users.secret" in done.stderr + pair.receiver.log().encode(), \
            done.stderr
        os.rmdir(pair.users_path + ".secret")


@pytest.mark.parametrize("content", [b"", b"flipped\n", b"x" * 5000, None],
                         ids=["empty", "garbage", "long", "directory"])
def test_what_is_said_of_a_damaged_secret_helps(content):
    """Who has a key still gets in; only unknown names get other salts."""
    with harness.Pair() as pair:
        set_password(pair, "add", "keyed@abc.com", "its password")
        unknown = ask(pair, "smtp", UNKNOWN[:1])
        known = ask(pair, "smtp", ["keyed@abc.com"])
        for server in (pair.sender, pair.receiver):
            server.stop()
        path = pair.users_path + ".secret"
        os.unlink(path)
        if content is None:
            os.mkdir(path)
        else:
            with open(path, "wb", opener=lambda name, flags:
                      os.open(name, flags, 0o600)) as f:
                f.write(content)
        advice = ("%s: not 'postpair-secret 1', a count and 64 hexadecimal "
                  "digits.  Restore it from a backup; if there is none, move "
                  "it away, then: postpair-admin user secret --users %s" %
                  (path, pair.users_path))
        for server in (pair.sender, pair.receiver):
            assert advice in server.refused()
        os.rename(path, path + ".old")
        assert "10000 iterations" in admin(pair, "secret")
        for server in (pair.sender, pair.receiver):
            server.start()
        assert ask(pair, "smtp", ["keyed@abc.com"]) == known
        assert not {s for s, _, _ in unknown.values()} & \
            {s for s, _, _ in ask(pair, "smtp", UNKNOWN[:1]).values()}
        wire = PROTOCOLS["pop3"](pair)
        one = scram.Scram("SCRAM-SHA-256", "keyed@abc.com", "its password")
        text = wire.say("AUTH SCRAM-SHA-256 " + one.first())[1]
        kind, text = wire.say(one.final(text))
        assert kind == "more", text
        one.check(text)
        assert wire.say("")[0] == "ok"
        wire.close()
