"""The life of a server process: whom root becomes, what a reload takes over,
whose files it trusts, what its pid file says."""

import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile

import pytest

import harness
from certificates import Lab

NAMES = ["postpair-receiver", "postpair-sender"]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be root")


@pytest.fixture(name="pair")
def fixture_pair():
    pair = harness.Pair(start=False)
    yield pair
    pair.kill()


def server(pair, name):
    return pair.sender if name == "postpair-sender" else pair.receiver


def run(one, *options):
    """The program in the foreground, with its configuration as it is now."""
    return subprocess.run(
        [harness.program(one.name), "--config", one.config, *options],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        text=True)


def refused(one, *words):
    """Neither --check nor a start finds it right, for this reason."""
    for option in ("--check", "--foreground"):
        done = run(one, option)
        assert done.returncode == 1, (option, done.stderr)
        for word in words:
            assert word in done.stderr, (option, done.stderr)


# ---- root --------------------------------------------------------------------

@as_root
@pytest.mark.parametrize("name", NAMES)
def test_root_must_be_told_whom_to_become(pair, name):
    one = server(pair, name)
    one.sections["server"]["user"] = None
    one.write_config()
    refused(one, one.config + ": user: ", "[server]")
    one.sections["server"]["user"] = "no-such-user-here"
    one.write_config()
    assert "no such user" in run(one, "--foreground").stderr
    one.sections["server"]["user"] = "root"
    one.start()
    one.wait_log("running-as-root")
    assert one.stop() == 0


@as_root
@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_in_other_hands_is_not_for_root(pair, name):
    one = server(pair, name)
    one.write_config()
    assert run(one, "--check").returncode == 0
    os.chown(one.config, NOBODY, -1)
    refused(one, one.config, "belongs to user 65534")
    os.chown(one.config, 0, -1)
    os.chmod(one.config, 0o664)
    refused(one, one.config, "may be changed by others")
    os.chmod(one.config, 0o644)
    # whoever owns the directory can put another file there
    os.chown(pair.directory, NOBODY, -1)
    refused(one, pair.directory, "belongs to user 65534")
    os.chown(pair.directory, 0, -1)
    # a link is as good as the file it leads to
    there = os.path.join(pair.directory, "there")
    os.mkdir(there)
    os.chown(there, NOBODY, -1)
    shutil.move(one.config, os.path.join(there, "conf"))
    os.symlink(os.path.join(there, "conf"), one.config)
    refused(one, there, "belongs to user 65534")


# ---- where it listens --------------------------------------------------------

@pytest.mark.parametrize("name,section", [("postpair-receiver", "pop3"),
                                          ("postpair-receiver", "lmtp"),
                                          ("postpair-sender", "submission")])
def test_the_ports_file_has_a_line_for_each_word(pair, name, section):
    one = server(pair, name)
    path = os.path.join(pair.directory, "socket")
    one.sections.setdefault(section, {})["listen"] = \
        "localhost:0 %s *:0" % path
    one.start()
    with open(one.ports_path, encoding="ascii") as f:
        ports = [int(line.split()[1]) for line in f
                 if line.startswith(section + " ")]
    # all that a word stands for shares its port; a path has none
    assert len(ports) == 2 and 0 not in ports
    ready = [line for line in one.log().splitlines() if " ready " in line]
    assert all(" %s=%d" % (section, port) in ready[-1] for port in ports)
    for port in ports:
        for family, address in [(socket.AF_INET, "127.0.0.1"),
                                (socket.AF_INET6, "::1")]:
            if family == socket.AF_INET6 and not has_ipv6():
                continue
            with socket.socket(family) as s:
                s.settimeout(30)
                s.connect((address, port))
                assert s.recv(3) in (b"220", b"+OK")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(path)
        assert s.recv(3) in (b"220", b"+OK")
    assert one.stop() == 0


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_local_socket_that_is_no_path_is_refused(pair):
    pair.sender.sections["submission"]["local-socket"] = "run/socket"
    pair.sender.write_config()
    refused(pair.sender, pair.sender.config + ": ",
            "local-socket must be an absolute path: run/socket")


# ---- reload ------------------------------------------------------------------

def test_a_reload_names_what_needs_a_restart(pair):
    pair.start()
    for one, changed, taken in [
            (pair.sender, {("submission", "listen"): "127.0.0.1:0 127.0.0.2:0",
                           ("submission", "max-clients"): "7",
                           ("queue", "retry-max"): "3s"},
             {("server", "log-level"): "info",
              ("routes", "other.example"): "127.0.0.1:9"}),
            (pair.receiver, {("pop3", "listen"): "127.0.0.2:0",
                             ("limits", "messages"): "17",
                             ("server", "maildirs"): "/elsewhere"},
             {("domains", "local"): "abc.com xyz.com new.example",
              ("aliases", "sales"): "bob@xyz.com"})]:
        for (section, key), value in {**changed, **taken}.items():
            one.sections.setdefault(section, {})[key] = value
        before = len(one.log())
        one.reload()
        one.wait_log(r"\breloaded\b", after=before)
        told = {line.split('key="')[1].rstrip('"\n')
                for line in one.log()[before:].splitlines()
                if " restart-needed " in line}
        assert told == {"[%s] %s" % at for at in changed}
        one.wait_log(" warn restart-needed ", after=before)
        # and it is said again as long as it holds
        before = len(one.log())
        one.reload()
        one.wait_log(r"restart-needed key=", after=before)
    pair.stop()


# ---- names -------------------------------------------------------------------

@pytest.mark.parametrize("name,section,key,value,word", [
    ("postpair-sender", "server", "hostname", "abc.com.", "abc.com."),
    ("postpair-receiver", "server", "hostname", "abc com", "abc com"),
    ("postpair-sender", "relay", "own", "2001:db8::1 mx.abc.com.", "mx.abc.com."),
    ("postpair-sender", "routes", "xyz.net.", "127.0.0.1", None),
    ("postpair-receiver", "domains", "local", "xyz.com abc.com.", "abc.com.")])
def test_a_name_is_written_without_a_last_dot(pair, name, section, key, value, word):
    """It would be equal to no other name."""
    one = server(pair, name)
    one.sections.setdefault(section, {})[key] = value
    one.write_config()
    refused(one, key + ": not a domain" + (": " + word if word else ""))


# ---- secrets -----------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_secrets_that_others_may_read_stop_the_start(pair, name, tmp_path):
    one = server(pair, name)
    lab = Lab()
    key = lab.path("localhost.key")
    one.sections["tls"] = {"certificate": lab.path("localhost.crt"),
                           "key": key}
    one.sections["certificates"] = {
        "other.example": "%s %s" % (lab.path("localhost.crt"), key)}
    one.write_config()
    assert run(one, "--check").returncode == 0
    for path in (pair.users_path, key):
        for mode in (0o644, 0o604, 0o620, 0o602):
            os.chmod(path, mode)
            refused(one, path, "chmod 600")
        os.chmod(path, 0o640)
        assert run(one, "--check").returncode == 0
    # one file with both is a secret, too
    both = str(tmp_path / "both.pem")
    with open(both, "w", encoding="ascii") as out:
        for part in (lab.path("localhost.crt"), key):
            with open(part, encoding="ascii") as f:
                out.write(f.read())
    os.chmod(both, 0o644)
    one.sections["tls"] = {"certificate": both}
    one.sections["certificates"] = {}
    one.write_config()
    refused(one, both, "chmod 600")
    # what comes about while it runs is said in the log
    one.sections["tls"] = {}
    one.write_config()
    one.start()
    os.chmod(pair.users_path, 0o644)
    pair.users["dave@xyz.com"] = "x"
    if name == "postpair-receiver":
        with harness.Wire(one.ports["pop3"]) as c:
            c.line()
            c.ask(b"USER bob@xyz.com")
            c.ask(b"PASS secret")
    else:
        with harness.Wire(one.ports["submission"]) as c:
            c.reply()
            c.ask(b"EHLO [127.0.0.1]")
            c.ask(b"AUTH PLAIN AGJvYkB4eXouY29tAHNlY3JldA==")
    one.wait_log("users-open-to-others")
    assert one.stop() == 0


# ---- the pid file --------------------------------------------------------------

@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_pid_file_names_the_process_that_serves(pair, name, background):
    one = server(pair, name)
    path = os.path.join(pair.directory, "the.pid")
    one.sections["server"]["pid-file"] = path
    if background:
        one.sections["server"]["log-file"] = \
            os.path.join(pair.directory, "background.log")
        one.write_config()
        done = run(one)
        assert done.returncode == 0, done.stderr
    else:
        one.start()
    with open(path, encoding="ascii") as f:
        text = f.read()
    pid = int(text)
    assert text == "%d\n" % pid
    assert background or pid == one.pid
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        assert name.encode() in f.read()
    os.kill(pid, signal.SIGTERM)
    if not background:
        assert one.process.wait(harness.STOP_S) == 0
        one.process = None
    harness.wait_for(lambda: not os.path.exists(path), harness.STOP_S,
                     "the pid file to go")
    # none is written by a server that cannot start
    one.sections["server"]["users-file"] = "/nowhere/users"
    one.write_config()
    assert run(one, "--foreground").returncode == 1
    assert not os.path.exists(path)


# ---- certbot -------------------------------------------------------------------

def hook(lineage, tls, run, names, user="root"):
    return subprocess.run(
        ["sh", os.path.join(harness.top_srcdir(), "conf", "certbot-hook")],
        env={**os.environ, "RENEWED_DOMAINS": names, "RENEWED_LINEAGE": lineage,
             "POSTPAIR_TLS": tls, "POSTPAIR_RUN": run, "POSTPAIR_USER": user},
        capture_output=True, text=True, timeout=30, check=False,
        stdin=subprocess.DEVNULL)


@as_root
def test_the_hook_for_certbot_renews_what_the_configuration_uses(tmp_path):
    old, new = Lab(), Lab()
    tls, lineage = tmp_path / "tls", tmp_path / "live"
    tls.mkdir()
    lineage.mkdir()
    for kind in ("crt", "key"):
        shutil.copy(old.path("localhost." + kind), tls / ("mx.test." + kind))
    new.host("mx.test")
    shutil.copy(new.path("mx.test.key"), lineage / "privkey.pem")
    shutil.copy(new.path("mx.test.crt"), lineage / "fullchain.pem")
    with harness.Pair(sender=False, receiver={
            "server": {"pid-file": str(tmp_path / "receiver.pid")},
            "tls": {"certificate": str(tls / "mx.test.crt"),
                    "key": str(tls / "mx.test.key")}}) as pair:
        done = hook(str(lineage), str(tls), str(tmp_path),
                    "other.test mx.test *.test")
        assert done.returncode == 0, done.stderr
        pair.receiver.wait_log(r"\breloaded\b")
        context = ssl.create_default_context(cafile=new.path("ca.crt"))
        with smtplib.SMTP() as client:
            client._host = "mx.test"  # the name that the certificate is for
            client.connect("127.0.0.1", pair.smtp_port)
            client.starttls(context=context)
        assert sorted(os.listdir(tls)) == ["mx.test.crt", "mx.test.key"]
        assert os.stat(tls / "mx.test.key").st_mode & 0o777 == 0o640


@as_root
def test_the_hook_for_certbot_does_not_believe_a_pid_file():
    """Who writes the pid file signals with the rights that are his anyway."""
    lab = Lab()
    with tempfile.TemporaryDirectory() as there, \
            subprocess.Popen(["sleep", "600"]) as victim:
        try:
            os.chmod(there, 0o755)
            shutil.copy(lab.path("localhost.key"), there + "/privkey.pem")
            shutil.copy(lab.path("localhost.crt"), there + "/fullchain.pem")
            for name, text in (("mx.test.crt", ""),
                               ("receiver.pid", "%d\n" % victim.pid)):
                with open(os.path.join(there, name), "w",
                          encoding="ascii") as f:
                    os.fchmod(f.fileno(), 0o644)
                    f.write(text)
            # a user whose group has the same name
            done = hook(there, there, there, "mx.test", "daemon")
            assert done.returncode != 0 and "ermitted" in done.stderr, done
            assert victim.poll() is None
        finally:
            victim.terminate()
