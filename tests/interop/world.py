#!/usr/bin/env python3
"""Run a command in a throwaway copy of this system, with the mail programs of
others installed in it and a network of its own.

    world.py [--debs DIR] [--keep DIR]... [--] COMMAND [ARGUMENT]...

The copy is an overlay in memory over /, seen by the command alone: what is
written in it is gone when the command ends, but for what is below a --keep
directory.  Debian's packages are installed there without being started, so
that nothing changes on the machine; those of which a system takes only one
are unpacked side by side.  Then the network is cut off: the command sees a
loopback device that nobody else uses, with all its ports and addresses.
--debs keeps the packages for the next time.  POSTPAIR_WORLD=1 is set.

Needs root, overlay file systems and Debian.  The status is the command's; 77
when there can be no such world here, with the reason on standard error.
"""

import argparse
import contextlib
import ctypes
import glob
import os
import signal
import subprocess
import sys
import tempfile

INSTALLED = """
    postfix dovecot-core dovecot-lmtpd dovecot-imapd dovecot-pop3d
    opendkim opendkim-tools opendmarc dbconfig-no-thanks rspamd clamav-daemon
    clamav-milter nsd unbound ldnsutils bind9-dnsutils
    swaks curl openssl gnutls-bin gsasl git msmtp mutt neomutt python3 python3-pytest
    python3-dkim iproute2 ca-certificates""".split()
# Each of these wants to be the one mail server of a machine.
UNPACKED = ["exim4-daemon-light", "exim4-base", "opensmtpd"]
LIBRARIES = """
    libdb5.3 libgnutls-dane0 libidn12 libidn2-0 libnsl2 libpcre2-8-0
    libevent-2.1-7 libpam0g libssl3""".split()
USERS = ["Debian-exim", "opensmtpd", "opensmtpq"]

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_NOSUID, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x1000, 0x4000, 1 << 18
NO_WORLD = 77

libc = ctypes.CDLL(None, use_errno=True)


class NoWorld(Exception):
    """There can be no such world here."""


def system(call, *arguments):
    if call(*arguments) != 0:
        code = ctypes.get_errno()
        raise NoWorld("%s: %s" % (call.__name__, os.strerror(code)))


def mount(source, target, kind=None, flags=0, data=None):
    def text(value):
        return None if value is None else value.encode()
    system(libc.mount, text(source), text(target), text(kind),
           ctypes.c_ulong(flags), text(data))


def make_root(base, keep):
    """The overlay on directory base, in a mount name space of this process;
    returns its path."""
    system(libc.unshare, CLONE_NEWNS)
    try:
        mount(None, "/", None, MS_REC | MS_PRIVATE)
    except NoWorld as why:
        raise NoWorld("the root is no mount of its own, as in a chroot (%s)"
                      % why) from why
    mount("postpair-world", base, "tmpfs", MS_NOSUID, "mode=0755,size=4g")
    upper, work, root = (os.path.join(base, n) for n in ("u", "w", "root"))
    for directory in (upper, work, root):
        os.mkdir(directory, 0o755)
    mount("postpair-world", root, "overlay", 0,
          "lowerdir=/,upperdir=%s,workdir=%s" % (upper, work))
    mount("postpair-world", root + "/tmp", "tmpfs", 0, "mode=1777")
    mount("postpair-world", root + "/run", "tmpfs", 0, "mode=0755")
    for directory in ("/dev", "/proc", "/sys", *keep):
        os.makedirs(root + directory, exist_ok=True)
        mount(directory, root + directory, None, MS_BIND | MS_REC)
    return root


def run(what, *command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    if done.returncode != 0:
        raise NoWorld("%s: %s" % (what, done.stdout[-2000:]))


def install(debs):
    """In the new root: the packages, with nothing started."""
    with open("/usr/sbin/policy-rc.d", "w", encoding="ascii") as f:
        f.write("#!/bin/sh\nexit 101\n")
    os.chmod("/usr/sbin/policy-rc.d", 0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0",
           "-o", "APT::Sandbox::User=root", "-o", "Dpkg::Options::=--force-unsafe-io"]
    if debs:
        os.makedirs(os.path.join(debs, "partial"), exist_ok=True)
        apt += ["-o", "Dir::Cache::archives=" + debs,
                "-o", "APT::Keep-Downloaded-Packages=true"]
    run("dpkg", "dpkg", "--configure", "-a", env=environment)
    run("apt-get update", *apt, "update", env=environment)
    run("apt-get install", *apt, "--no-install-recommends", "install",
        *INSTALLED, *LIBRARIES, env=environment)
    where = debs or "/var/cache/apt/archives"
    for package in UNPACKED:
        found = glob.glob(os.path.join(where, package + "_*.deb"))
        if not found:
            run("apt-get download", *apt, "download", package,
                env=environment, cwd=where)
            found = glob.glob(os.path.join(where, package + "_*.deb"))
        run("dpkg-deb", "dpkg-deb", "-x", found[0], "/opt/" + package)
        for sub in ("usr", "etc"):
            # merged with what is there; a file that is there stays
            if os.path.isdir("/opt/%s/%s" % (package, sub)):
                run("cp", "cp", "-an", "/opt/%s/%s" % (package, sub), "/")
    for user in USERS:
        subprocess.run(["useradd", "--system", "-M", "-d", "/nonexistent", "-s",
                        "/usr/sbin/nologin", user], check=False,
                       stderr=subprocess.DEVNULL)


def cut_off():
    """A network of its own: nothing but an unused loopback device."""
    system(libc.unshare, CLONE_NEWNET)
    run("ip link", "ip", "link", "set", "lo", "up")


def enter(base, o):
    """Never returns: becomes the command, or ends with NO_WORLD."""
    directory = os.getcwd()
    try:
        root = make_root(base, o.keep)
        os.chroot(root)
        os.chdir("/")
        install(o.debs)
        cut_off()
        os.chdir(directory)
        os.environ["POSTPAIR_WORLD"] = "1"
        os.execvp(o.command[0], o.command)
    except (NoWorld, OSError) as why:
        print("world: %s" % why, file=sys.stderr)
    os._exit(NO_WORLD)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debs", type=os.path.abspath)
    parser.add_argument("--keep", type=os.path.abspath, action="append",
                        default=[])
    parser.add_argument("command", nargs="+")
    o = parser.parse_args()
    if os.geteuid() != 0:
        print("world: needs root", file=sys.stderr)
        return NO_WORLD
    if o.debs:
        os.makedirs(o.debs, exist_ok=True)
        o.keep.append(o.debs)
    # The mounts are the child's; they end with the last process in them.
    base = tempfile.mkdtemp(prefix="postpair-world-")
    child = os.fork()
    if child == 0:
        enter(base, o)

    def pass_on(signum, _frame):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(child, signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the child
    _, status = os.waitpid(child, 0)
    os.rmdir(base)
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main())
