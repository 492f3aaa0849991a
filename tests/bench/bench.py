#!/usr/bin/env python3
"""make bench: our servers beside Debian's, in the same run.

Rounds are interleaved (ours, peer, ours, peer ...) with one warm-up round that
is thrown away; a figure is the median of the others with its least and its
greatest.  A message counts when its file is in new/.  CPU is user + system time
of all processes of a server.  Nothing is installed here: what is absent is
said.  Two tables: with the disk as it is, and with every flush of both sides
5 ms longer (--slow-ms).  The stores lie on an xfs in an image of its own where
one can be mounted (--disk xfs), else below $TMPDIR.

With --fsyncs a table of how often each server asked the disk to write, by
strace, instead.  All of it ends within --budget seconds: where a round takes
long there are fewer.
"""
import argparse
import contextlib
import re
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import harness  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))


def cpu_of_tree(pid):
    """Seconds of CPU of a process, its live children and those it reaped."""
    def stat(p):
        with open("/proc/%s/stat" % p) as f:
            return f.read().rpartition(")")[2].split()
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat(p)[1]), []).append(int(p))
    total, todo = 0, [pid]
    while todo:
        p = todo.pop()
        with contextlib.suppress(OSError):
            total += sum(map(int, stat(p)[11:15]))
        todo += children.get(p, [])
    return total / TICK


def wait_port(port, seconds=20):
    import socket
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if time.monotonic() > end:
            raise TimeoutError("nothing listens on port %d" % port)
        time.sleep(0.05)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(slow_ms):
    env = dict(os.environ)
    if slow_ms:
        env["SLOW_SYNC_MS"] = str(slow_ms)
        env["LD_PRELOAD"] = os.path.join(harness.top_builddir(),
                                         "tests/bench/slow_sync.so")
    return env


@contextlib.contextmanager
def disk(kind):
    """A file system for the stores; its name."""
    if kind == "xfs":
        with tempfile.TemporaryDirectory(prefix="pp-bench-disk-") as top:
            image, where = os.path.join(top, "image"), os.path.join(top, "fs")
            os.mkdir(where, 0o755)
            os.chmod(top, 0o755)
            with open(image, "wb") as f:
                f.truncate(8 << 30)
            try:
                for command in (["mkfs.xfs", "-q", image],
                                ["mount", "-o", "loop", image, where]):
                    subprocess.run(command, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                kind = "plain"
            else:
                try:
                    tempfile.tempdir = where
                    yield "xfs in an image"
                    return
                finally:
                    tempfile.tempdir = None
                    subprocess.run(["umount", "-l", where], check=False)
    yield "file system of " + tempfile.gettempdir()


def count_new(directory):
    try:
        return len(os.listdir(directory))
    except FileNotFoundError:
        return 0


class Ours:
    """postpair-receiver; with relay, the sender in front of it."""

    def __init__(self, name, slow_ms, relay=False, **receiver):
        self.name = name
        saved = dict(os.environ)
        os.environ.update(environment(slow_ms))
        try:
            self.pair = harness.Pair(receiver=receiver)
            self.pair.__enter__()
        finally:
            os.environ.clear()
            os.environ.update(saved)
        self.new = os.path.join(self.pair.maildir("bob@xyz.com").path, "new")
        self.port = self.pair.submission_port if relay \
            else self.pair.smtp_port
        self.login = ["alice@abc.com", "secret"] if relay else []
        self.pids = [self.pair.receiver.process.pid]
        if relay:
            self.pids.append(self.pair.sender.process.pid)

    def cpu(self):
        return sum(cpu_of_tree(p) for p in self.pids)

    def close(self):
        self.pair.__exit__(None, None, None)


MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class PostfixInstance:
    def __init__(self, slow_ms, extra):
        self.root = tempfile.mkdtemp(prefix="pp-bench-postfix-")
        os.chmod(self.root, 0o755)
        self.port = free_port()
        owner = pwd.getpwnam("postfix")
        mail = os.path.join(self.root, "mail")
        for d in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.root, d))
        os.mkdir(mail)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.root, "data"), owner.pw_uid, owner.pw_gid)
        self.new = os.path.join(mail, "bob", "new")
        for d in ("bob", "bob/new", "bob/cur", "bob/tmp"):
            os.mkdir(os.path.join(mail, d), 0o700)
            os.chown(os.path.join(mail, d), owner.pw_uid, owner.pw_gid)
        settings = {
            "compatibility_level": "3.6", "queue_directory": "%s/queue",
            "data_directory": "%s/data", "maillog_file": "%s/queue/log",
            "maillog_file_prefixes": self.root,
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix", "setgid_group": "postdrop",
            "myhostname": "peer.example", "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4", "mydestination": "",
            "mynetworks": "127.0.0.0/8", "disable_dns_lookups": "yes",
            "smtpd_peername_lookup": "no", "in_flow_delay": "0",
            "default_process_limit": "100", "alias_maps": "",
            "local_recipient_maps": "", "import_environment":
                "MAIL_CONFIG MAIL_LOGTAG LD_PRELOAD SLOW_SYNC_MS",
            "smtpd_client_connection_count_limit": "0",
            "virtual_mailbox_domains": "xyz.com",
            "virtual_mailbox_base": mail,
            "virtual_mailbox_maps": "static:bob/",
            "virtual_uid_maps": "static:%d" % owner.pw_uid,
            "virtual_gid_maps": "static:%d" % owner.pw_gid,
            "virtual_minimum_uid": "1", "message_size_limit": "0",
            "mailbox_size_limit": "0", "virtual_mailbox_limit": "0",
        }
        settings.update(extra)
        with open(os.path.join(self.root, "etc/main.cf"), "w") as f:
            for key, value in settings.items():
                f.write("%s = %s\n" % (key, value.replace("%s", self.root)))
        with open(os.path.join(self.root, "etc/master.cf"), "w") as f:
            f.write(MASTER.format(port=self.port))
        self.log = open(os.path.join(self.root, "start.log"), "w")
        subprocess.run(["postfix", "-c", self.root + "/etc", "start"],
                       check=True, env=environment(slow_ms),
                       stdout=self.log, stderr=self.log)
        with open(os.path.join(self.root, "queue/pid/master.pid")) as f:
            self.pid = int(f.read())
        wait_port(self.port)

    def close(self):
        subprocess.run(["postfix", "-c", self.root + "/etc", "stop"],
                       stdout=self.log, stderr=self.log)
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)


class Postfix:
    def __init__(self, slow_ms, relay=False, extra=None):
        self.name = "Postfix"
        self.inside = PostfixInstance(slow_ms, extra or {})
        self.all = [self.inside]
        if relay:
            self.all.insert(0, PostfixInstance(slow_ms, {
                "virtual_mailbox_domains": "",
                "smtp_host_lookup": "native",
                "relayhost": "[127.0.0.1]:%d" % self.inside.port}))
        self.port = self.all[0].port
        self.new = self.inside.new
        self.login = []
        self.pids = [p.pid for p in self.all]

    def cpu(self):
        return sum(cpu_of_tree(p.pid) for p in self.all)

    def close(self):
        for p in self.all:
            p.close()


class DovecotLmtp(Postfix):
    """Postfix handing over to a private Dovecot's LMTP."""

    def __init__(self, slow_ms):
        self.root = tempfile.mkdtemp(prefix="pp-bench-dovecot-")
        os.chmod(self.root, 0o755)
        port = free_port()
        owner = pwd.getpwnam("dovecot")
        mail = os.path.join(self.root, "mail")
        os.mkdir(mail)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        conf = os.path.join(self.root, "dovecot.conf")
        with open(conf, "w") as f:
            f.write("""
base_dir = %(r)s/run
state_dir = %(r)s/state
log_path = %(r)s/log
protocols = lmtp
ssl = no
mail_location = maildir:%(m)s/bob
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = dovecot
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=%(u)d gid=%(g)d home=%(m)s allow_all_users=yes
}
service lmtp {
  client_limit = 1
  process_limit = 100
  inet_listener lmtp {
    address = 127.0.0.1
    port = %(p)d
  }
}
""" % {"r": self.root, "m": mail, "u": owner.pw_uid, "g": owner.pw_gid,
                "p": port})
        self.dovecot = subprocess.Popen(
            ["dovecot", "-F", "-c", conf], env=environment(slow_ms),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(port)
        super().__init__(slow_ms, extra={
            "virtual_transport": "lmtp:inet:127.0.0.1:%d" % port})
        self.name = "Postfix + Dovecot"
        self.new = os.path.join(mail, "bob", "new")
        self.pids.append(self.dovecot.pid)

    def cpu(self):
        return super().cpu() + cpu_of_tree(self.dovecot.pid)

    def close(self):
        super().close()
        self.dovecot.send_signal(signal.SIGTERM)
        self.dovecot.wait()
        shutil.rmtree(self.root, ignore_errors=True)


def load_command(server, sessions, count, size, relay):
    if relay:  # a submission server wants a login, which smtp-source lacks
        return [os.path.join(harness.top_builddir(), "tests/bench/load"),
                str(server.port), str(sessions), str(count), str(size),
                "alice@abc.com", "bob@xyz.com"] + server.login
    return ["smtp-source", "-d", "-s", str(sessions), "-m", str(count),
            "-l", str(size), "-f", "alice@abc.com", "-t", "bob@xyz.com",
            "127.0.0.1:%d" % server.port]


def put_through(server, sessions, count, size, relay):
    """Until every message is in new/; seconds."""
    clear(server.new)
    begin = time.monotonic()
    subprocess.run(load_command(server, sessions, count, size, relay),
                   stdout=subprocess.DEVNULL, check=True, timeout=180)
    end = time.monotonic() + 60
    while count_new(server.new) < count:
        if time.monotonic() > end:
            raise TimeoutError("%d of %d messages came" % (
                count_new(server.new), count))
        time.sleep(0.001)
    return time.monotonic() - begin


def one_round(server, sessions, count, size, relay):
    """Messages a second, CPU milliseconds each."""
    cpu = server.cpu()
    took = put_through(server, sessions, count, size, relay)
    return count / took, (server.cpu() - cpu) * 1000 / count


def clear(directory):
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))


def spread(values):
    return "%.0f (%.0f-%.0f)" % (statistics.median(values), min(values),
                                 max(values))


FAILED = (OSError, KeyError, subprocess.SubprocessError, AssertionError)


def launch(makers):
    servers = []
    for make in makers:
        try:
            servers.append(make())
        except FAILED as e:
            print("absent: %s" % (e,), file=sys.stderr, flush=True)
    return servers


@contextlib.contextmanager
def running(makers):
    servers = launch(makers)
    try:
        yield servers
    finally:
        for s in servers:
            s.close()


class Bench:
    """The rounds and their table."""

    def __init__(self, options):
        self.o = options
        self.end = time.monotonic() + options.budget
        self.left = 0  # comparisons yet to come

    def compare(self, title, makers, sessions, count):
        """One group of rows."""
        until = time.monotonic() + \
            (self.end - time.monotonic()) / max(self.left, 1)
        self.left -= 1
        with running(makers) as servers:
            figures = {s: [] for s in servers}
            for number in range(self.o.rounds + 1):
                if number > 2 and time.monotonic() > until:
                    break
                for s in list(figures):
                    try:
                        figures[s].append(one_round(
                            s, sessions, count, self.o.size,
                            title == "relay"))
                    except FAILED as e:
                        print("%s: left out: %s" % (s.name, e),
                              file=sys.stderr, flush=True)
                        del figures[s]
            self.rows(title, sessions, figures)

    @staticmethod
    def rows(title, sessions, figures):
        base = None
        first = "%s, %d connection%s" % (title, sessions,
                                         "" if sessions == 1 else "s")
        for s, rounds in figures.items():
            counted = rounds[1:]
            rate = statistics.median(r for r, _ in counted)
            base = base or rate
            print("| %s | %s | %s | %.3f | %.2f |" % (
                first, s.name, spread([r for r, _ in counted]),
                statistics.median(c for _, c in counted), base / rate),
                flush=True)
            first = ""

    def table(self, slow_ms, count):
        inbound, relay = makers(slow_ms)
        print("\n%d rounds of %d messages of %d bytes%s\n" % (
            self.o.rounds, count, self.o.size,
            "; every flush %d ms longer" % slow_ms if slow_ms else ""))
        print("| Load | Server | msg/s (least-greatest) | CPU ms | ratio |\n"
              "|---|---|---|---|---|")
        for n in self.o.sessions:
            if self.o.only in (None, "inbound"):
                self.compare("inbound", inbound, n, count)
        for n in self.o.sessions:
            if self.o.only in (None, "relay"):
                self.compare("relay", relay, n, count)
        if self.o.only in (None, "ceiling"):
            self.ceiling(slow_ms, count)

    def ceiling(self, slow_ms, count):
        print("\n| Ceiling of the disk, msg/s | %s |\n|---|%s" % (
            " | ".join("%d threads" % n for n in self.o.sessions),
            "---|" * len(self.o.sessions)))
        for mode in ("strict", "journal"):
            print("| %s | %s |" % (mode, " | ".join(
                self.one_ceiling(mode, n, slow_ms, count)
                for n in self.o.sessions)), flush=True)

    def one_ceiling(self, mode, threads, slow_ms, count):
        rates = []
        for _ in range(3):
            with tempfile.TemporaryDirectory(prefix="pp-bench-") as d:
                rates.append(float(subprocess.run(
                    [os.path.join(harness.top_builddir(),
                                  "tests/bench/ceiling"),
                     d + "/c", mode, str(threads), str(count),
                     str(self.o.size)], env=environment(slow_ms),
                    check=True, capture_output=True).stdout))
        return spread(rates)


QUIET = {"server": {"log-level": "info", "log-delay": None}}


def makers(slow_ms):
    """The servers of a table: inbound, relay."""
    return [
        lambda: Ours("receiver, journal", slow_ms,
                     store={"durability": "journal"}, **QUIET),
        lambda: Ours("receiver, strict", slow_ms,
                     store={"durability": "strict"}, **QUIET),
        lambda: Postfix(slow_ms),
        lambda: DovecotLmtp(slow_ms),
    ], [
        lambda: Ours("the pair", slow_ms, relay=True,
                     store={"durability": "journal"}, **QUIET),
        lambda: Postfix(slow_ms, relay=True),
    ]


# ---- how often the disk is asked ------------------------------------------

SYNCS = "fsync,fdatasync,syncfs,sync_file_range,msync,sync"


def tree(pids):
    """These processes and what descends from them."""
    parents = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/stat" % p) as f:
                parents[int(p)] = int(f.read().rpartition(")")[2].split()[1])
    found, todo = set(pids), True
    while todo:
        todo = {p for p, up in parents.items()
                if up in found and p not in found}
        found |= todo
    return sorted(found)


def traced(server, sessions, count, size, relay):
    """Flushes a message."""
    put_through(server, sessions, 50, size, relay)
    with tempfile.NamedTemporaryFile("r", prefix="pp-bench-strace-") as out:
        strace = subprocess.Popen(
            ["strace", "-f", "-c", "-e", "trace=" + SYNCS, "-o", out.name] +
            [a for p in tree(server.pids) for a in ("-p", str(p))],
            stderr=subprocess.PIPE, text=True)
        strace.stderr.readline()  # attached
        time.sleep(0.5)           # to the others too
        try:
            put_through(server, sessions, count, size, relay)
        finally:
            strace.send_signal(signal.SIGINT)
            strace.communicate(timeout=30)
        total = 0
        for line in out:
            match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+.*\b(%s)$" %
                             SYNCS.replace(",", "|"), line)
            total += int(match[1]) if match else 0
    return total / count


def fsyncs(options):
    inbound, relay = makers(0)
    print("| Flushes a message (strace) | %s |\n|---|%s" % (
        " | ".join("%d connections" % n for n in options.sessions),
        "---|" * len(options.sessions)))
    for make, kind in [(m, "inbound") for m in inbound] + \
            [(m, "relay") for m in relay]:
        with running([make]) as servers:
            for s in servers:
                print("| %s, %s | %s |" % (kind, s.name, " | ".join(
                    "%.2f" % traced(s, n, options.count // 4, options.size,
                                    kind == "relay")
                    for n in options.sessions)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--count", type=int, default=2000)
    p.add_argument("--size", type=int, default=4096)
    p.add_argument("--slow-ms", type=int, nargs="*", default=[0, 5])
    p.add_argument("--sessions", type=int, nargs="*", default=[1, 10, 50])
    p.add_argument("--only", choices=["inbound", "relay", "ceiling"])
    p.add_argument("--fsyncs", action="store_true")
    p.add_argument("--disk", choices=["xfs", "plain"], default="xfs")
    p.add_argument("--budget", type=int, default=540)
    options = p.parse_args()
    # an end from outside cleans up, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with disk(options.disk) as where:
        print("%s, %d processors, load %.1f, on the %s" % (
            time.strftime("%d %B %Y"), os.cpu_count(), os.getloadavg()[0],
            where), flush=True)
        if options.fsyncs:
            fsyncs(options)
            return
        bench = Bench(options)
        groups = 1 if options.only else 2
        bench.left = len(options.slow_ms) * groups * len(options.sessions)
        for slow_ms in options.slow_ms:
            # a tenth as many where each waits for tens of milliseconds
            bench.table(slow_ms, options.count if slow_ms == 0
                        else max(options.count // 5, 100))


if __name__ == "__main__":
    main()
