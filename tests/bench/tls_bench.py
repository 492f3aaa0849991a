#!/usr/bin/env python3
"""make bench-tls: full TLS handshakes a second, beside Postfix and Dovecot.

The same load, the same ECDSA P-256 certificate, the same machine, rounds
interleaved; the first of each is thrown away.  SMTP: connect, EHLO, STARTTLS,
handshake, EHLO, close.  POP3: connect, STLS, handshake, a command, close.
CPU is that of the server's processes, which is what a server can be blamed for:
the load takes its share of the same processors.
"""
import argparse
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench  # noqa: E402
import harness  # noqa: E402
from certificates import Lab  # noqa: E402

DOVECOT = """
base_dir = %(r)s/run
state_dir = %(r)s/state
log_path = %(r)s/log
protocols = pop3
ssl = yes
ssl_cert = <%(cert)s
ssl_key = <%(key)s
ssl_min_protocol = TLSv1.2
mail_location = maildir:%(r)s/mail
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=%(u)d gid=%(g)d home=%(r)s/mail allow_all_users=yes
}
service pop3-login {
  # the "high-performance mode" of Dovecot's manual
  service_count = 0
  process_min_avail = 2
  client_limit = 1000
  inet_listener pop3 {
    address = 127.0.0.1
    port = %(p)d
  }
  inet_listener pop3s {
    port = 0
  }
}
"""


class Ours:
    name = "postpair"

    def __init__(self, lab):
        wide = {"max-clients-per-address": "1000"}
        self.pair = lab.pair(sender=False, receiver={
            "server": {"log-level": "warn"}, "smtp": wide, "pop3": wide})
        self.ports = self.pair.receiver.ports

    def cpu(self):
        return bench.cpu_of_tree(self.pair.receiver.pid)

    def close(self):
        self.pair.stop()


class Postfix:
    name = "Postfix"

    def __init__(self, lab):
        root = tempfile.mkdtemp(prefix="pp-bench-cert-")
        os.chmod(root, 0o755)
        self.root = root
        for suffix in (".crt", ".key"):
            shutil.copy(lab.path("localhost" + suffix), root)
        self.inside = bench.PostfixInstance(0, {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": root + "/localhost.crt",
            "smtpd_tls_key_file": root + "/localhost.key",
            "smtpd_client_connection_rate_limit": "0",
            "smtpd_client_new_tls_session_rate_limit": "0"})
        self.ports = {"smtp": self.inside.port}

    def cpu(self):
        return bench.cpu_of_tree(self.inside.pid)

    def close(self):
        self.inside.close()
        shutil.rmtree(self.root)


class Dovecot:
    name = "Dovecot"

    def __init__(self, lab):
        self.root = tempfile.mkdtemp(prefix="pp-bench-dovecot-")
        os.chmod(self.root, 0o755)
        os.mkdir(self.root + "/mail")
        owner = pwd.getpwnam("dovecot")
        self.ports = {"pop3": bench.free_port()}
        with open(self.root + "/conf", "w", encoding="ascii") as f:
            f.write(DOVECOT % {
                "r": self.root, "cert": lab.path("localhost.crt"),
                "key": lab.path("localhost.key"), "u": owner.pw_uid,
                "g": owner.pw_gid, "p": self.ports["pop3"]})
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", self.root + "/conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bench.wait_port(self.ports["pop3"])

    def cpu(self):
        return bench.cpu_of_tree(self.process.pid)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.root)


def once(server, protocol, seconds, threads):
    """(handshakes a second, milliseconds of the server's CPU for one)."""
    before = server.cpu()
    done = subprocess.run(
        [os.path.join(harness.top_builddir(), "tests/bench/tls_load"), "rate",
         protocol, str(server.ports[protocol]), str(seconds), str(threads)],
        capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise SystemExit("%s: %s" % (server.name, done.stderr))
    rate = float(done.stdout)
    return rate, (server.cpu() - before) * 1000 / (rate * seconds)


def compare(lab, protocol, makers, args):
    servers = [make(lab) for make in makers]
    figures = {s.name: [] for s in servers}
    try:
        for n in range(args.rounds + 1):
            for s in servers:
                figure = once(s, protocol, args.seconds, args.threads)
                if n > 0:
                    figures[s.name].append(figure)
    finally:
        for s in servers:
            s.close()
    for name, all_of_it in figures.items():
        rates = [r for r, _ in all_of_it]
        print("%-5s %-9s %7.0f handshakes/s (%.0f to %.0f), CPU of the server"
              " %.2f ms each" % (
                  protocol, name, statistics.median(rates), min(rates),
                  max(rates), statistics.median(c for _, c in all_of_it)),
              flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=8)
    args = parser.parse_args()
    with Lab() as lab:
        for protocol, peer, program in (("smtp", Postfix, "postfix"),
                                        ("pop3", Dovecot, "dovecot")):
            makers = [Ours]
            if shutil.which(program) is None:
                print("%s is not installed" % program)
            elif os.geteuid() != 0:
                print("%s needs root" % program)
            else:
                makers.append(peer)
            compare(lab, protocol, makers, args)


if __name__ == "__main__":
    main()
