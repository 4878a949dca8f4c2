#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make check`: builds and tests takt three ways, fuzzes it, and sums up.

    tools/check.py [release] [asan] [tsan] [fuzz]      all of them by default

Every build treats a warning as an error, and a build that fails is a failed point, so the other
builds are still tried. The full output of each step is in check.log of its build folder. The
closing line is also left in build/check.txt, for .ci/run.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import summary  # noqa: E402 (the line above must come first)

ROOT = Path(__file__).resolve().parent.parent
CLOSING_LINE = ROOT / "build" / "check.txt"
ERROR = re.compile(r"\b(error|ERROR):|undefined reference|FAILED: ")
FUZZ_SECONDS = int(os.environ.get("TAKT_FUZZ_SECONDS", "60"))

# What the sanitizers add to Meson's own settings. addr2line comes with the compiler;
# llvm-symbolizer, which names source lines too, may not be there.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:allow_addr2line=1",
}


class Build:
    """One way to build takt: its folder, compiler, Meson options, and how its tests are run."""

    def __init__(self, name, folder, options, compiler=None, wrapper=(), slower=1):
        self.name = name
        self.folder = ROOT / folder
        self.options = [f"-D{option}" for option in ["werror=true", *options]]
        self.env = {**os.environ, **SANITIZER_ENV}
        if compiler:
            self.env["CC"] = compiler
        if "TAKT_DATA" in self.env:  # tests run in the build folder
            self.env["TAKT_DATA"] = os.path.abspath(self.env["TAKT_DATA"])
        self.wrapper = wrapper
        self.slower = slower

    def run(self, *command, env=None):
        """Runs a command with its output in check.log; true if it succeeded."""
        with open(self.folder / "check.log", "ab") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            return subprocess.run(command, cwd=ROOT, env=env or self.env,
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  check=False).returncode == 0

    def set_up(self):
        again = ["--reconfigure"] if (self.folder / "build.ninja").exists() else []
        return self.run("meson", "setup", str(self.folder), *self.options, *again)

    def compile(self):
        """The points of setting up and compiling: one, passed or failed."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "check.log").write_bytes(b"")
        for step, done in (("set-up", self.set_up),
                           ("compile", lambda: self.run("ninja", "-C", str(self.folder), "all",
                                                        "meson-test-prereq"))):
            if not done():
                return [summary.Point(self.name, "build", step, summary.FAILED, self.reason())]
        return [summary.Point(self.name, "build", "", summary.PASSED)]

    def reason(self):
        """The first line of the log that looks like the error."""
        log = (self.folder / "check.log").read_text(errors="replace").splitlines()
        errors = [line for line in log if ERROR.search(line)]
        return summary.first_line(errors or reversed(log)) + f"; see {self.log_name()}"

    def log_name(self):
        return (self.folder / "check.log").relative_to(ROOT)

    def test(self):
        testlog = self.folder / "meson-logs" / "testlog.json"
        testlog.unlink(missing_ok=True)
        # Criterion drops what its tests write to stderr, and a test that expects a program to fail
        # may take a sanitizer's exit for that. So reports go to files, and each is a failure.
        reports = self.folder / "reports"
        shutil.rmtree(reports, ignore_errors=True)
        reports.mkdir()
        env = {**self.env, **{name: f"{self.env[name]}:log_path='{reports}/report'"
                              for name in SANITIZER_ENV}}
        ran = self.run(*self.wrapper, "meson", "test", "-C", str(self.folder), "--no-rebuild",
                       "--print-errorlogs", "--timeout-multiplier", str(self.slower), env=env)
        if not testlog.exists():
            return [summary.Point(self.name, "tests", "", summary.FAILED,
                                  f"none was run; see {self.log_name()}")]
        points = summary.read_testlog(self.name, testlog)
        points += [self.report(path) for path in sorted(reports.iterdir())]
        if not ran and not summary.failures(points):
            points.append(summary.Point(self.name, "tests", "", summary.FAILED,
                                        f"see {self.log_name()}"))
        return points

    def report(self, path):
        text = path.read_text(errors="replace").splitlines()
        blame = [line for line in text if summary.REPORT.search(line)]
        return summary.Point(self.name, "sanitizer", str(path.relative_to(ROOT)), summary.FAILED,
                             summary.first_line(blame or text))


def clang():
    return shutil.which("clang-14") or shutil.which("clang") or "clang-14"


def without_randomised_addresses():
    """The thread sanitizer's fixed address map breaks on kernels that randomise more bits than it
    allows for. Some containers forbid the system call, and then the kernel's setting must do."""
    wrapper = ["setarch", platform.machine(), "-R"]
    try:
        allowed = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
        if allowed.returncode == 0:
            return wrapper
    except FileNotFoundError:
        pass
    return []


def fuzz(build):
    """Runs all fuzz targets side by side; each is one point."""
    running = []
    for program in sorted((build.folder / "test" / "fuzz").glob("fuzz_*")):
        if not program.is_file():
            continue
        corpus = build.folder / "corpus" / program.name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = ROOT / "test" / "fuzz" / "seeds" / program.name
        log = open(build.folder / f"{program.name}.log", "wb")
        command = [str(program), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                   "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1",
                   f"-artifact_prefix={build.folder}/{program.name}-", str(corpus)]
        if seeds.is_dir():
            command.append(str(seeds))
        running.append((program.name, log, subprocess.Popen(
            command, cwd=build.folder, env=build.env, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)))

    points = []
    deadline = time.monotonic() + FUZZ_SECONDS + 120
    for name, log, process in running:
        try:
            status = process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        log.close()
        text = Path(log.name).read_text(errors="replace").splitlines()
        if status == 0:
            points.append(summary.Point("fuzz", name, "", summary.PASSED))
        else:
            blame = [line for line in text if line.startswith("SUMMARY:") or "ERROR" in line]
            points.append(summary.Point("fuzz", name, "", summary.FAILED, summary.first_line(
                blame or reversed(text)) + f"; see {Path(log.name).relative_to(ROOT)}"))
    return points or [summary.Point("fuzz", "targets", "", summary.FAILED, "none was built")]


def builds():
    return {
        "release": Build("release", "build", ["unit=enabled", "perf=enabled"]),
        "asan": Build("asan", "build-asan",
                      ["unit=enabled", "perf=enabled", "b_sanitize=address,undefined"], slower=4),
        # The thread sanitizer cannot see into ConcurrencyKit's inline assembly.
        "tsan": Build("tsan", "build-tsan",
                      ["atomics=c11", "b_sanitize=thread", "b_lundef=false"], compiler=clang(),
                      wrapper=without_randomised_addresses(), slower=6),
        "fuzz": Build("fuzz", "build-fuzz",
                      ["fuzz=true", "unit=disabled", "b_sanitize=address,undefined",
                       "b_lundef=false"], compiler=clang()),
    }


def main(names):
    known = builds()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"takt: no such check: {' '.join(unknown)} (there are: {' '.join(known)})")
        return 2
    points = []
    for name in names or known:
        build = known[name]
        for step, run in (("build", build.compile),
                          ("test", (lambda b=build: fuzz(b)) if name == "fuzz" else build.test)):
            print(f"{name:8} {step:6}", end=" ", flush=True)
            start = time.monotonic()
            found = run()
            points += found
            print(f"{summary.totals(found):40} {time.monotonic() - start:4.0f} s", flush=True)
            if step == "build" and summary.failures(found):
                break

    for point in points:
        if point.result != summary.PASSED:
            print(point.line())
    closing = summary.totals(points)
    CLOSING_LINE.parent.mkdir(exist_ok=True)
    CLOSING_LINE.write_text(closing + "\n")
    print(closing)
    return 1 if summary.failures(points) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
