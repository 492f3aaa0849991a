"""The pair for end-to-end tests: both servers, real programs, loopback only.

    with harness.Pair() as pair:
        pair.mailsh("login alice@abc.com --password secret\\n...")
        assert len(pair.maildir("bob@xyz.com").wait(1)) == 1

Each Pair has a temporary directory of its own, ports chosen by the kernel and
servers in the foreground, whose READY=1 (sd_notify) says when they can be
used.  Leaving the `with` block stops them with SIGTERM, by pid, and fails the
test when one does not end with status 0 or its log holds an error of the
program itself or a sanitizer's report.  Sections given as sender={...} and
receiver={...} are laid over the configuration:

    Pair(receiver={"smtp": {"max-clients": "2"}}, users={"eve@abc.com": "pw"})

A value None removes the key.  sender=False starts the receiver alone.
POSTPAIR_KEEP=1 keeps the directory.
"""

import contextlib
import ctypes
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

PASSWORD = "secret"
USERS = {"alice@abc.com": PASSWORD, "postmaster@abc.com": PASSWORD,
         "bob@xyz.com": PASSWORD,
         "carol@xyz.com": PASSWORD}
START_S = 30
STOP_S = 60
MNT_DETACH = 2  # umount2(2)

# The program's own faults in a log, whatever the test was about.
FAULTS = re.compile(
    r"ERROR: (Address|Leak|Thread|Memory|Undefined)Sanitizer"
    r"|WARNING: ThreadSanitizer|runtime error:|\bclass=bug\b"
    r"|stack smashing|Assertion .* failed|\bdouble free\b")


def top_builddir():
    """Where the programs were built: make check says it."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("top_builddir") or \
        os.path.join(here, "..", "..", "build")


def top_srcdir():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("top_srcdir") or os.path.join(here, "..", "..")


def program(name):
    """The path of one of the project's programs in the build tree."""
    room = name.removeprefix("postpair-") if name != "mailsh" else "shell"
    for path in (name, os.path.join("src", room, name)):
        path = os.path.abspath(os.path.join(top_builddir(), path))
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("%s is not built in %s" % (name, top_builddir()))


def is_sanitized():
    """Sanitizers have an allocator and memory of their own."""
    with open(program("postpair-sender"), "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def wait_for(condition, seconds=20, what="the condition"):
    """Ask again until condition() is true; returns its value.

    Mostly for file systems, whose events come from another process; there is
    always a deadline."""
    end = time.monotonic() + seconds
    idle = select.poll()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError("not within %g s: %s" % (
                seconds, what() if callable(what) else what))
        idle.poll(10)


@contextlib.contextmanager
def small_disk(path, size="400k"):
    """A small file system on directory `path`, or the test is skipped."""
    import pytest
    libc = ctypes.CDLL(None, use_errno=True)
    os.makedirs(path)
    # by system call: mount(8) wants a /proc that a chroot may not have
    if libc.mount(b"postpair-test", path.encode(), b"tmpfs", 0,
                  b"size=%s,mode=0700" % size.encode()) != 0:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield path
    finally:
        assert libc.umount2(path.encode(), MNT_DETACH) == 0, path


def fork_terminal():
    """pty.fork(), or the test is skipped."""
    import pytest
    try:
        pid, fd = pty.fork()
    except OSError:
        pytest.skip("there are no pseudo-terminals here")
    if pid == 0:  # a test run in the background ignores it, a terminal does not
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return pid, fd


def closed_port():
    """A loopback port where nobody listens, held so that nobody will:
    returns (port, socket to close)."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held.getsockname()[1], held


def ini(sections):
    """The text of a configuration file."""
    text = ""
    for section, keys in sections.items():
        text += "[%s]\n" % section
        for key, value in keys.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    text += "%s = %s\n" % (key, one)
        text += "\n"
    return text


def merged(base, over):
    result = {section: dict(keys) for section, keys in base.items()}
    for section, keys in (over or {}).items():
        result.setdefault(section, {}).update(keys)
    return result


class Wire:
    """A connection to a line protocol, for what no client library sends, to a
    port or to the path of a unix socket."""

    def __init__(self, port, timeout=30):
        if isinstance(port, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(port)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next line with its end; b"" at the end of the connection."""
        try:
            return self.file.readline()
        except ConnectionResetError:
            return b""

    def reply(self):
        """A whole SMTP reply, its lines joined."""
        text = b""
        while True:
            line = self.line()
            text += line
            if line[3:4] != b"-":
                return text

    def ask(self, command):
        self.send(command + b"\r\n")
        return self.reply()

    def close(self, reset=False):
        """End it; reset=True as a machine does that goes away."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.file.close()
        self.socket.close()


class Maildir:
    """What stands in a user's Maildir."""

    def __init__(self, path):
        self.path = path

    def files(self, *folders):
        """Paths of the messages, in order of name."""
        found = []
        for folder in folders or ("new", "cur"):
            directory = os.path.join(self.path, folder)
            with contextlib.suppress(FileNotFoundError):
                found += [os.path.join(directory, name)
                          for name in os.listdir(directory)]
        return sorted(found, key=os.path.basename)

    def messages(self):
        """The messages as bytes, line ends as on disk."""
        result = []
        for path in self.files():
            # moved by a reader between the listing and now: look again
            try:
                with open(path, "rb") as f:
                    result.append(f.read())
            except FileNotFoundError:
                return self.messages()
        return result

    def wait(self, count, seconds=20):
        """Wait until at least count messages are there; returns them."""
        wait_for(lambda: len(self.files()) >= count, seconds,
                 "%d messages in %s" % (count, self.path))
        return self.messages()

    def left_in_tmp(self):
        return self.files("tmp")


class Server:
    """One server process."""

    def __init__(self, name, directory, sections):
        self.name = name
        self.directory = directory
        self.sections = sections
        self.config = os.path.join(directory, name + ".conf")
        self.log_path = os.path.join(directory, name + ".log")
        self.ports_path = os.path.join(directory, name + ".ports")
        self.process = None
        self.ports = {}
        self.environment = {}

    @property
    def pid(self):
        return self.process.pid

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(ini(self.sections))

    def start(self):
        """Start it and wait for READY=1.  A port that was kept over a stop may
        be somebody else's meanwhile, such as a connection of another test: it
        is waited for."""
        end = time.monotonic() + START_S
        while True:
            before = len(self.log())
            try:
                self._start_once()
                return
            except AssertionError:
                if "Address already in use" not in self.log()[before:] or \
                        time.monotonic() >= end:
                    raise
                select.poll().poll(100)

    def _start_once(self):
        self.write_config()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ports_path)
        where = os.path.join(self.directory, "n-%s" % self.name[-8:])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(where)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, \
                open(self.log_path, "ab") as log:
            ready.bind(where)
            self.process = subprocess.Popen(
                [program(self.name), "--foreground", "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment, "NOTIFY_SOCKET": where})
            self._await_ready(ready)
        with open(self.ports_path, encoding="ascii") as f:
            self.ports = {name: int(port)
                          for name, port in map(str.split, f)}

    def _await_ready(self, ready):
        end = time.monotonic() + START_S
        ready.settimeout(0.05)
        while time.monotonic() < end:
            try:
                if b"READY=1" in ready.recv(4096).split(b"\n"):
                    return
            except TimeoutError:
                if self.process.poll() is not None:
                    raise AssertionError("%s ended with status %d: %s" % (
                        self.name, self.process.returncode, self.log()))
        self.process.kill()
        self.process.wait()
        raise AssertionError("%s is not ready within %d s: %s" % (
            self.name, START_S, self.log()))

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, seconds=20, after=0):
        """Wait for a line that matches the pattern; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log()[after:], re.M),
                        seconds, "%r in the log of %s" % (pattern, self.name))

    def reload(self):
        """SIGHUP with the sections as they are now."""
        self.write_config()
        self.process.send_signal(signal.SIGHUP)

    def refused(self, config=None):
        """The reason why neither --check nor a start takes a configuration."""
        reasons = []
        for option in ("--check", "--foreground"):
            done = subprocess.run(
                [program(self.name), option, "--config", config or self.config],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=50,
                text=True, errors="replace", check=False)
            assert done.returncode == 1, (option, done)
            reasons.append(done.stderr)
        assert reasons[0].splitlines()[-1] == reasons[1].splitlines()[-1]
        return reasons[0]

    def keep_ports(self):
        """From now on a restart listens on the same ports."""
        for section, keys in self.sections.items():
            if section in self.ports and "/" not in keys.get("listen", "/"):
                keys["listen"] = "127.0.0.1:%d" % self.ports[section]
            if section + "-tls" in self.ports:
                keys["listen-tls"] = "127.0.0.1:%d" % \
                    self.ports[section + "-tls"]

    def kill(self):
        """kill -9: the death a server must survive."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("%s did not stop within %d s: %s" % (
                self.name, STOP_S, self.log()[-4000:])) from None
        self.process = None
        return status

    def restart(self):
        self.keep_ports()
        self.stop()
        self.start()


# Failed logins are neither slow nor many: test_login.py sees to those.
LENIENT = {"failure-delay": "10ms", "address-failures": "100000",
           "user-failures": "100000"}


class Pair:
    """Both servers with users, configurations and a directory."""

    def __init__(self, sender=None, receiver=None, users=None, routes=None,
                 start=True):
        self.directory = tempfile.mkdtemp(prefix="postpair-")
        self.users = {**USERS, **(users or {})}
        self.with_sender = sender is not False
        self.users_path = os.path.join(self.directory, "users")
        self.write_users()
        common = {"hostname": "localhost", "users-file": self.users_path,
                  # as root a server starts only when it is told to stay root
                  "user": "root",
                  # tests look into the log right after a reply
                  "log-level": "debug", "log-delay": "0s"}
        self.receiver = Server("postpair-receiver", self.directory, merged({
            "server": {**common,
                       "maildirs": os.path.join(self.directory, "maildirs"),
                       "ports-file": self._path("postpair-receiver.ports")},
            "smtp": {"listen": "127.0.0.1:0"},
            "pop3": {"listen": "127.0.0.1:0"},
            "domains": {"local": "abc.com xyz.com"},
            "login": dict(LENIENT),
        }, receiver))
        self.sender = Server("postpair-sender", self.directory, merged({
            "server": {**common,
                       "data-dir": os.path.join(self.directory, "data"),
                       "ports-file": self._path("postpair-sender.ports")},
            # a test may send more in an hour than a person
            "submission": {"listen": "127.0.0.1:0", "messages-per-hour": "0",
                           "recipients-per-hour": "0"},
            # fast, so that no test waits for a second try
            "queue": {"retry-min": "200ms", "retry-max": "2s"},
            "login": dict(LENIENT),
            "routes": dict(routes or {}),
        }, sender or None))
        if start:
            try:
                self.start()
            except BaseException:
                self.kill()
                raise

    def _path(self, name):
        return os.path.join(self.directory, name)

    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _trace):
        if kind is None:
            self.stop()
        else:
            print(self.logs())
            self.kill()

    # ---- life ----------------------------------------------------------

    def start(self):
        """The receiver first: the sender's routes need its port."""
        self.receiver.start()
        self.route_to_receiver()
        if self.with_sender:
            self.sender.start()

    def route_to_receiver(self):
        for domain in ("abc.com", "xyz.com"):
            self.sender.sections["routes"].setdefault(
                domain, "127.0.0.1:%d" % self.smtp_port)

    def stop(self):
        """Stop both, check how they ended, remove the directory."""
        try:
            statuses = {s.name: s.stop() for s in (self.sender, self.receiver)}
            for server in (self.sender, self.receiver):
                fault = FAULTS.search(server.log())
                assert fault is None, "%s: %s\n%s" % (
                    server.name, fault.group(), self.logs())
            for name, status in statuses.items():
                assert status == 0, "%s ended with status %d\n%s" % (
                    name, status, self.logs())
        finally:
            self.kill()

    def kill(self):
        """End what still runs, without a check."""
        for server in (self.sender, self.receiver):
            if server.process is not None:
                server.kill()
        if os.environ.get("POSTPAIR_KEEP"):
            print("kept: " + self.directory)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self, size=8000):
        return "".join("--- log of %s\n%s\n" % (s.name, s.log()[-size:])
                       for s in (self.receiver, self.sender))

    # ---- where things are ----------------------------------------------

    @property
    def smtp_port(self):
        return self.receiver.ports["smtp"]

    @property
    def pop3_port(self):
        return self.receiver.ports["pop3"]

    @property
    def submission_port(self):
        return self.sender.ports["submission"]

    def maildir(self, user):
        local, domain = user.split("@")
        return Maildir(os.path.join(self.directory, "maildirs", domain, local))

    def left_in_tmp(self):
        """Every file in any tmp/ of the Maildirs and of the queue."""
        found = []
        for top in ("maildirs", "data"):
            for where, _, names in os.walk(self._path(top)):
                if os.path.basename(where) == "tmp":
                    found += [os.path.join(where, name) for name in names]
        return found

    def queue(self):
        """The spool files of messages not yet done."""
        directory = os.path.join(self.directory, "data", "queue", "msg")
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.path.join(where, name)
                          for where, _, names in os.walk(directory)
                          for name in names)
        return []

    def waiting(self):
        """Messages not yet done: files, and what the server itself says,
        since a message that is new has no file yet."""
        files = self.queue()
        if files or self.sender.process is None or \
                self.sender.process.poll() is not None:
            return files
        done = subprocess.run(
            [program("postpair-admin"), "queue", "list", "--json", "-c",
             self.sender.config], stdin=subprocess.DEVNULL, timeout=60,
            capture_output=True, check=False)
        if done.returncode != 0:  # it may have been killed meanwhile
            return [done.stderr]
        return done.stdout.splitlines()

    def wait_queue_empty(self, seconds=30):
        wait_for(lambda: not self.waiting(), seconds, "an empty queue")

    def write_users(self, text=None):
        """The users file, put in place by rename as an editor does."""
        if text is None:
            text = "".join("%s {PLAIN}%s\n" % user
                           for user in self.users.items())
        with open(self.users_path + ".tmp", "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(text)
        os.rename(self.users_path + ".tmp", self.users_path)

    # ---- clients ---------------------------------------------------------

    def environment(self):
        """Of a client: a home of its own."""
        home = self._path("home")
        os.makedirs(home, exist_ok=True)
        return {**os.environ, "HOME": home, "LC_ALL": "C.UTF-8",
                "XDG_CONFIG_HOME": home + "/config",
                "XDG_STATE_HOME": home + "/state",
                "XDG_CACHE_HOME": home + "/cache",
                "XDG_DATA_HOME": home + "/data"}

    def run(self, argv, stdin=b"", seconds=50, **more):
        """Run a client program; text in stdin and out as bytes or str."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return subprocess.run(argv, input=stdin, capture_output=True,
                              timeout=seconds, env=self.environment(),
                              cwd=self.directory, check=False, **more)

    def write(self, name, data):
        """A file in the pair's directory; returns its path."""
        with open(self._path(name), "wb") as f:
            f.write(data)
        return self._path(name)

    def wait_message(self, user, subject, seconds=30):
        """Wait for the message with this subject; returns its bytes."""
        line = b"Subject: " + subject.encode()

        def find():
            for text in self.maildir(user).messages():
                if line in text.partition(b"\n\n")[0].splitlines():
                    return text
            return None

        return wait_for(find, seconds, "%r for %s" % (subject, user))

    def mailsh(self, script="", *options, status=0, host="127.0.0.1", ports=True):
        """Run a batch script; returns its standard output as text.

        status=None accepts every exit status.  .stderr and .status of the
        last run are kept in the pair."""
        argv = [program("mailsh")]
        if ports:
            argv += ["-H", host, "--smtp-port", str(self.submission_port),
                     "--pop3-port", str(self.pop3_port)]
        done = self.run([*argv, *options], script)
        self.status = done.returncode
        self.stderr = done.stderr.decode(errors="replace")
        out = done.stdout.decode(errors="replace")
        assert not FAULTS.search(self.stderr), self.stderr
        if status is not None:
            assert self.status == status, "mailsh: status %d, expected %d\n%s%s" % (
                self.status, status, out, self.stderr)
        return out
