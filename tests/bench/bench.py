#!/usr/bin/env python3
"""make bench: our servers beside Debian's, in the same run.

Rounds are interleaved (ours, peer, ours, peer ...) with one warm-up round that
is thrown away; a figure is the median of the others with its least and its
greatest.  A message counts when its file is in new/.  CPU is user + system time
of all processes of a server.  Nothing is installed here: what is absent is
said.  With --slow-ms every flush of both sides takes that much longer.
"""
import argparse
import contextlib
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
            raise SystemExit("bench: nothing listens on port %d" % port)
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

    def cpu(self):
        return super().cpu() + cpu_of_tree(self.dovecot.pid)

    def close(self):
        super().close()
        self.dovecot.send_signal(signal.SIGTERM)
        self.dovecot.wait()
        shutil.rmtree(self.root, ignore_errors=True)


def one_round(server, sessions, count, size, relay):
    """Messages a second until all are in new/, CPU milliseconds each."""
    shutil.rmtree(server.new, ignore_errors=True) \
        if isinstance(server, Postfix) else clear(server.new)
    if isinstance(server, Postfix):
        os.makedirs(server.new, exist_ok=True)
        owner = os.stat(os.path.dirname(os.path.dirname(server.new)))
        for d in (os.path.dirname(server.new), server.new):
            os.chown(d, owner.st_uid, owner.st_gid)
    cpu, begin = server.cpu(), time.monotonic()
    command = ["smtp-source", "-d", "-s", str(sessions), "-m", str(count),
               "-l", str(size), "-f", "alice@abc.com", "-t", "bob@xyz.com",
               "127.0.0.1:%d" % server.port]
    if relay:  # a submission server wants a login, which smtp-source lacks
        command = [os.path.join(harness.top_builddir(), "tests/bench/load"),
                   str(server.port), str(sessions), str(count), str(size),
                   "alice@abc.com", "bob@xyz.com"] + server.login
    load = subprocess.run(command, stdout=subprocess.DEVNULL)
    if load.returncode != 0:
        raise SystemExit("bench: the load on %s failed" % server.name)
    end = time.monotonic() + 120
    while count_new(server.new) < count:
        if time.monotonic() > end:
            raise SystemExit("bench: %s: %d of %d messages came" % (
                server.name, count_new(server.new), count))
        time.sleep(0.001)
    took = time.monotonic() - begin
    return count / took, (server.cpu() - cpu) * 1000 / count


def clear(directory):
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))


def spread(values):
    return "%.0f (%.0f-%.0f)" % (statistics.median(values), min(values),
                                 max(values))


def compare(title, makers, sessions, options, count):
    servers = []
    for make in makers:
        try:
            servers.append(make())
        except (FileNotFoundError, KeyError) as e:
            print("  absent: %s" % e)
    rates = {s: [] for s in servers}
    costs = {s: [] for s in servers}
    try:
        for number in range(options.rounds + 1):
            for s in servers:
                rate, cost = one_round(s, sessions, count, options.size,
                                       title == "relay")
                if number > 0:
                    rates[s].append(rate)
                    costs[s].append(cost)
    finally:
        for s in servers:
            s.close()
    base = None
    for s in servers:
        rate = statistics.median(rates[s])
        base = base or rate
        print("%-10s %3d  %-28s %22s msg/s  %6.3f ms CPU  %5.2f x" % (
            title, sessions, s.name, spread(rates[s]),
            statistics.median(costs[s]), base / rate), flush=True)


def ceiling(options, sessions):
    for mode in ("strict", "journal"):
        rates = []
        for _ in range(3):
            with tempfile.TemporaryDirectory(prefix="pp-bench-") as d:
                rates.append(float(subprocess.run(
                    [os.path.join(harness.top_builddir(),
                                  "tests/bench/ceiling"),
                     d + "/c", mode, str(sessions), str(options.count),
                     str(options.size)], env=environment(options.slow_ms),
                    check=True, capture_output=True).stdout))
        print("%-10s %3d  %-28s %22s msg/s" % (
            "ceiling", sessions, mode, spread(rates)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--count", type=int, default=1000)
    p.add_argument("--size", type=int, default=4096)
    p.add_argument("--slow-ms", type=int, default=0)
    p.add_argument("--sessions", type=int, nargs="*", default=[1, 10, 50])
    p.add_argument("--only", choices=["inbound", "relay", "ceiling"])
    options = p.parse_args()
    slow = options.slow_ms
    quiet = {"server": {"log-level": "info"}}
    print("%d rounds of %d messages of %d bytes; flush delay %d ms" % (
        options.rounds, options.count, options.size, slow))
    for n in options.sessions:
        if options.only in (None, "ceiling"):
            ceiling(options, n)
        if options.only in (None, "inbound"):
            compare("inbound", [
                lambda: Ours("postpair-receiver, journal", slow,
                             store={"durability": "journal"}, **quiet),
                lambda: Ours("postpair-receiver, strict", slow,
                             store={"durability": "strict"}, **quiet),
                lambda: Postfix(slow),
                lambda: DovecotLmtp(slow)], n, options, options.count)
        if options.only in (None, "relay"):
            compare("relay", [
                lambda: Ours("postpair pair", slow, relay=True),
                lambda: Postfix(slow, relay=True)], n, options,
                options.count)


if __name__ == "__main__":
    main()
