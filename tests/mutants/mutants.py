#!/usr/bin/env python3
"""make mutants: change one point of the C code at a time; do the tests notice?

    mutants.py [--points N] [--seed N] [--changed REVISION] [--only PATH]...
               [--jobs N] [--plain] [--list]

A mutant is the program with one small fault: a comparison moved (< to <=), a
condition turned round, a constant off by one, a call left out, a return value
changed.  A test that fails kills it.  What survives is one of three things: a
fault that no test would notice, a change without any effect (equivalent), or
code that no test runs.  doc/testing.md says how to read the list.

First the whole tree is built for gcov and every test runs once, which tells
the lines that each test reaches; this is kept in tests/mutants/work/ of the
build tree until a source or a test changes.  Then each mutant meets only the
tests that reach its line: those of its room first, the quickest first, until
one fails.  The same seed, tree and options choose the same points.

Status: 0 when all were killed or none of the tests runs them, else 1; 2 when
the tests already fail without a mutant.

The mutants run under AddressSanitizer, since a byte too much is a fault that
only it can see; --plain does without, in half the time.
"""

import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import queue
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

TEST_S = 120         # a test with a mutant in it may hang: that kills it, too
BUILD_S = 900
COVERAGE_S = 300
ROOM_WEIGHT = {"unit": 0, "wire": 1, "fuzz": 2, "crash": 4, "e2e": 3}

# ---- where a fault can be put -----------------------------------------------

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=",
               "!=": "==", "&&": "||", "||": "&&"}
# What is no code: preprocessor lines, comments, strings, characters.
NO_CODE = re.compile(
    r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*|//[^\n]*|/\*.*?\*/"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.S | re.M)
COMPARISON = re.compile(r"(?<=[ \t\n])(<=|>=|==|!=|&&|\|\||<|>)(?=[ \t\n])")
CONDITION = re.compile(r"\b(?:if|while) (?=\()")
# Not the 1 of -1: a failure is a failure by any name.
CONSTANT = re.compile(r"(?<![\w.-])(\d+)(?=u?[^\w.])")
# A statement that is a call and nothing else.
CALL = re.compile(r"(?<=[;{}\)\n])\s+((?:\(void\))?(?!(?:if|for|while|switch"
                  r"|return|sizeof|else)\b)[a-z_]\w*)(?=\()")
RETURN = re.compile(r"\breturn (-1|0|1|true|false|NULL);")
RETURNS = {"-1": "0", "0": "-1", "1": "0", "true": "false", "false": "true",
           "NULL": None}


def blanked(text):
    """The text with everything that is no code made blank; same length."""
    return NO_CODE.sub(
        lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def matching(text, start):
    """The offset behind the parenthesis that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i + 1
    return None


def bodies(code):
    """(start, end) of every function's body: { at the start of a line."""
    for m in re.finditer(r"^\{$", code, re.M):
        end = re.compile(r"^\}$", re.M).search(code, m.end())
        if end:
            yield m.end(), end.start()


def points(text):
    """Every (kind, start, end, replacement) of a C file, in order."""
    code = blanked(text)
    found = []
    for start, end in bodies(code):
        for m in COMPARISON.finditer(code, start, end):
            found.append(("comparison", m.start(1), m.end(1),
                          COMPARISONS[m.group(1)]))
        for m in CONDITION.finditer(code, start, end):
            close = matching(code, m.end())
            if close and close <= end:
                found.append(("condition", m.end(), close,
                              "(!%s)" % text[m.end():close]))
        for m in CONSTANT.finditer(code, start, end):
            found.append(("constant", m.start(1), m.end(1),
                          str(int(m.group(1)) + 1)))
        for m in CALL.finditer(code, start, end):
            close = matching(code, m.end())
            if close and code[close:close + 1] == ";":
                found.append(("call", m.start(1), close, "(void)0"))
        for m in RETURN.finditer(code, start, end):
            if RETURNS[m.group(1)]:
                found.append(("return", m.start(1), m.end(1),
                              RETURNS[m.group(1)]))
    return sorted(found, key=lambda p: (p[1], p[0]))


class Mutant:
    def __init__(self, path, text, point):
        self.path = path
        self.kind, start, end, new = point
        self.line = text.count("\n", 0, start) + 1
        self.text = text[:start] + new + text[end:]
        self.old = " ".join(text[start:end].split())
        self.new = " ".join(new.split())
        self.source = text.splitlines()[self.line - 1].strip()

    def __str__(self):
        return "%s:%d: %s: %.50s -> %.50s   | %.70s" % (
            self.path, self.line, self.kind, self.old, self.new, self.source)


def changed_lines(top, revision):
    """{path: set of line numbers} of src/ that differ from a revision."""
    diff = subprocess.run(
        ["git", "-C", top, "diff", "--unified=0", revision, "--", "src"],
        check=True, capture_output=True, text=True).stdout
    lines, path = {}, None
    for line in diff.splitlines():
        if line.startswith("+++ b/"):
            path = line[6:]
        m = re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)
        if m and path:
            first, count = int(m.group(1)), int(m.group(2) or 1)
            lines.setdefault(path, set()).update(range(first, first + count))
    return lines


def all_mutants(top, only, changed):
    """Those of each kind: {kind: [mutant]}."""
    by_kind = {}
    for directory, _, names in sorted(os.walk(os.path.join(top, "src"))):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(directory, name), top)
            if not name.endswith(".c") or (changed is not None
                                           and path not in changed):
                continue
            if only and not any(path.startswith(o) for o in only):
                continue
            with open(os.path.join(top, path), encoding="utf-8") as f:
                text = f.read()
            for point in points(text):
                mutant = Mutant(path, text, point)
                if changed is None or mutant.line in changed[path]:
                    by_kind.setdefault(mutant.kind, []).append(mutant)
    return by_kind


def draw(by_kind, seed):
    """All mutants in an order that the seed decides, the kinds in turn."""
    rng = random.Random(seed)
    for kind in sorted(by_kind):
        rng.shuffle(by_kind[kind])
    while any(by_kind.values()):
        for kind in sorted(by_kind):
            if by_kind[kind]:
                yield by_kind[kind].pop()


# ---- trees and tests --------------------------------------------------------

LIVE = set()  # process groups under way


def end_all(signum, _frame):
    for group in list(LIVE):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    os._exit(128 + signum)


class Tree:
    """A copy of the sources with a build directory inside."""

    def __init__(self, top, path, configure):
        self.path, self.build = path, os.path.join(path, "build")
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(self.build)
        files = subprocess.run(
            ["git", "-C", top, "ls-files", "-z", "--cached", "--others",
             "--exclude-standard"], check=True, capture_output=True).stdout
        tar = subprocess.run(
            ["tar", "-C", top, "--null", "--files-from=-", "-cf", "-"],
            input=files, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-C", path, "-xf", "-"], input=tar, check=True)
        self.sh(["../autogen.sh"], BUILD_S)
        self.sh(["../configure", "-q"] + configure, BUILD_S)

    def sh(self, command, seconds):
        done = self.run(command, seconds)
        if done is None or done[0] != 0:
            raise RuntimeError("%s in %s: %s" % (
                " ".join(command), self.build, done and done[1][-2000:]))
        return done[1]

    def run(self, command, seconds, env=None):
        """(status, output), or None when it did not end in time.  A process
        of its own group, which goes with it, and with this program."""
        def bounded():  # a mutant may spin where nobody waits for it any more
            resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))

        with subprocess.Popen(
                command, cwd=self.build, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=bounded, text=True,
                errors="replace") as child:
            LIVE.add(child.pid)
            try:
                output, _ = child.communicate(timeout=seconds)
                return child.returncode, output
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.communicate()
                return None
            finally:
                LIVE.discard(child.pid)

    def make(self, *targets):
        return self.run(["make", "-s", *targets], BUILD_S)

    def tests(self):
        """The programs and scripts of make check, without lint."""
        text = self.sh(["make", "-s", "--no-print-directory",
                        "--eval=mutants-tests: ; @echo $(TESTS)",
                        "mutants-tests"], 60)
        return [t for t in text.split() if not t.startswith("tests/lint/")]

    def env(self, more=None):
        variables = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", CC="cc",
                         top_srcdir=self.path, top_builddir=self.build,
                         PYTHONDONTWRITEBYTECODE="1")
        variables.update(more or {})
        return variables

    def passes(self, test, seconds, more=None):
        if test.endswith(".py"):
            command = [sys.executable,
                       os.path.join(self.path, "tests/e2e/tap.py"),
                       os.path.join(self.path, test)]
            if more is None:
                command.append("-x")
        else:
            command = [os.path.join(self.build, test)]
        done = self.run(command, seconds, self.env(more))
        return done is not None and done[0] == 0 and \
            not re.search(r"^not ok", done[1], re.M)


# ---- which test reaches which line --------------------------------------------

def fingerprint(top):
    files = subprocess.run(["git", "-C", top, "ls-files", "src", "tests",
                            "configure.ac", "Makefile.am"],
                           check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256()
    for path in files.split("\n"):
        full = os.path.join(top, path)
        if os.path.isfile(full) and not path.startswith("tests/mutants/"):
            with open(full, "rb") as f:
                digest.update(path.encode() + b"\0" + f.read())
    return digest.hexdigest()


def gcov_lines(tree, prefix):
    """{source: set of executed lines} and {source: all lines} of one test."""
    reached, known = {}, {}
    data = []
    for directory, _, names in os.walk(prefix):
        for name in names:
            if not name.endswith(".gcda"):
                continue
            note = os.path.relpath(os.path.join(directory, name), prefix)
            note = "/" + note[:-5] + ".gcno"
            if os.path.exists(note) and "/src/" in note:
                link = os.path.join(directory, name[:-5] + ".gcno")
                os.path.lexists(link) or os.symlink(note, link)
                data.append(os.path.join(directory, name))
    for at in range(0, len(data), 100):
        output = subprocess.run(
            ["gcov", "--json-format", "--stdout"] + data[at:at + 100],
            cwd=tree.build, capture_output=True, text=True).stdout
        for line in output.splitlines():
            for one in json.loads(line)["files"]:
                path = os.path.relpath(os.path.normpath(
                    os.path.join(tree.build, one["file"])), tree.path)
                for entry in one["lines"]:
                    number = entry["line_number"]
                    known.setdefault(path, set()).add(number)
                    if entry["count"]:
                        reached.setdefault(path, set()).add(number)
    return reached, known


def coverage(top, work, say):
    """{"tests": {test: {"s": seconds, "lines": {path: [line]}}}, "known": ...}"""
    kept = os.path.join(work, "coverage.json")
    mark = fingerprint(top)
    try:
        with open(kept, encoding="utf-8") as f:
            found = json.load(f)
        if found["mark"] == mark:
            return found
    except (OSError, ValueError, KeyError):
        pass
    say("building for gcov and running every test once")
    tree = Tree(top, os.path.join(work, "coverage"),
                ["CFLAGS=-O0 -g --coverage -fprofile-update=atomic"])
    tree.sh(["make", "-s", "-j2", "all"], BUILD_S)
    tests = tree.tests()
    tree.sh(["make", "-s", "-j2"] + [t for t in tests if not
                                     t.endswith(".py")], BUILD_S)
    found = {"mark": mark, "tests": {}, "known": {}, "failed": []}

    def one(test):
        prefix = os.path.join(work, "gcda", test.replace("/", "_"))
        shutil.rmtree(prefix, ignore_errors=True)
        os.makedirs(prefix)
        begun = time.monotonic()
        passed = tree.passes(test, COVERAGE_S, {"GCOV_PREFIX": prefix})
        took = time.monotonic() - begun
        reached, known = gcov_lines(tree, prefix)
        shutil.rmtree(prefix, ignore_errors=True)
        return test, passed, took, reached, known

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for test, passed, took, reached, known in pool.map(one, tests):
            for path, lines in known.items():
                found["known"][path] = sorted(
                    lines | set(found["known"].get(path, ())))
            if not passed:
                found["failed"].append(test)
                say("without any mutant fails, and is left out: " + test)
                continue
            found["tests"][test] = {
                "s": took, "lines": {p: sorted(v) for p, v in reached.items()}}
    with open(kept, "w", encoding="utf-8") as f:
        json.dump(found, f)
    return found


def reaching(found, mutant):
    """The tests that reach a mutant's line, in the order to run them."""
    room = mutant.path.split("/")[1]
    module = os.path.basename(mutant.path)[:-2]
    known = [n for n in found["known"].get(mutant.path, ()) if
             n <= mutant.line]
    if not known:
        return []
    line = known[-1]

    def rank(test):
        kind = test.split("/")[1]
        own = test == "tests/unit/%s/test_%s" % (room, module)
        return (not own, ROOM_WEIGHT.get(kind, 5),
                not test.startswith("tests/unit/%s/" % room),
                found["tests"][test]["s"])

    return sorted((t for t, one in found["tests"].items()
                   if line in one["lines"].get(mutant.path, ())), key=rank)


# ---- a mutant's life -----------------------------------------------------------

def judge(tree, mutant, tests):
    """What becomes of it: ("killed", by), ("survived", n), ("void", why)."""
    full = os.path.join(tree.path, mutant.path)
    with open(full, encoding="utf-8") as f:
        sound = f.read()
    try:
        with open(full, "w", encoding="utf-8") as f:
            f.write(mutant.text)
        programs = [t for t in tests if not t.endswith(".py")]
        scripts = [t for t in tests if t.endswith(".py")]
        made = tree.make(*programs) if programs else tree.make("all")
        if made is None or made[0] != 0:
            return "void", "does not compile"
        for test in programs:
            if not tree.passes(test, TEST_S):
                return "killed", test
        if scripts and programs and tree.make("all")[0] != 0:
            return "void", "does not compile"
        for test in scripts:
            # A script that fails once may have been late: it fails twice.
            if not tree.passes(test, TEST_S) and not tree.passes(test, TEST_S):
                return "killed", test
        return "survived", "%d tests" % len(tests)
    finally:
        with open(full, "w", encoding="utf-8") as f:
            f.write(sound)


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__.split("\n\n")[1].strip(),
        description=__doc__.split("\n\n")[2])
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", metavar="REVISION")
    parser.add_argument("--only", action="append", metavar="PATH")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, end_all)
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.abspath(os.environ.get("top_srcdir")
                          or os.path.join(here, "..", ".."))
    work = os.path.join(os.path.abspath(
        os.environ.get("top_builddir") or os.path.join(top, "build")),
        "tests", "mutants", "work")
    os.makedirs(work, exist_ok=True)

    def say(text):
        print(text, flush=True)

    changed = options.changed and changed_lines(top, options.changed)
    by_kind = all_mutants(top, options.only, changed)
    order = draw(by_kind, options.seed)
    if options.list:
        for _, mutant in zip(range(options.points), order):
            say(str(mutant))
        return 0
    found = coverage(top, work, say)
    if found["failed"] and len(found["failed"]) > len(found["tests"]):
        say("most tests fail without any mutant")
        return 2
    trees = queue.Queue()
    flags = ["CFLAGS=-O1 -g"] + ([] if options.plain else ["--enable-asan"])
    for i in range(options.jobs):
        tree = Tree(top, os.path.join(work, "tree-%d" % i), flags)
        tree.sh(["make", "-s", "-j2", "all"], BUILD_S)
        trees.put(tree)
    results = {"killed": [], "survived": [], "not run": []}
    lock = threading.Lock()

    def turn():
        while True:
            with lock:
                if sum(map(len, results.values())) + turn.busy \
                        >= options.points:
                    return
                mutant = next(order, None)
                if mutant is None:
                    return
                turn.busy += 1
            tests = reaching(found, mutant)
            outcome, why = "not run", "by no test"
            if tests:
                tree = trees.get()
                try:
                    outcome, why = judge(tree, mutant, tests)
                finally:
                    trees.put(tree)
            with lock:
                turn.busy -= 1
                if outcome != "void":
                    results[outcome].append(mutant)
                    say("%-8s %s   (%s)" % (outcome, mutant, why))

    turn.busy = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for ended in [pool.submit(turn) for _ in range(options.jobs)]:
            ended.result()
    say("")
    for outcome in ("survived", "not run"):
        for mutant in sorted(results[outcome], key=lambda m: (m.path, m.line)):
            say("%s %s" % (outcome.upper(), mutant))
    say("mutants: seed %d: %d killed, %d survived, %d that no test runs" % (
        options.seed, *(len(results[r]) for r in ("killed", "survived",
                                                  "not run"))))
    return 1 if results["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
