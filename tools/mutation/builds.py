# SPDX-License-Identifier: MIT
"""What a mutant is built into: the schedule explorer, and the library with its test programs.

The library is a shared one here, so that a mutant is linked once and not once for every program.
Programs are compiled again only where a header that they use has changed.
"""

import concurrent.futures
import filecmp
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test/sim"))

import explorer  # noqa: E402 (found by the line above)

FLAGS = ["-std=c17", "-O2", "-w", "-fPIC", "-D_GNU_SOURCE", "-DTAKT_ATOMICS_CK", "-I.",
         "-Iinclude", "-Itest"]
COVERED = ["-O0", "--coverage"]

# Short runs: a mutant that needs longer ones is not killed.
SETTINGS = {"TAKT_STRESS_EVENTS": "3000", "TAKT_STRESS_ROUNDS": "20", "TAKT_RANDOM_CASES": "300",
            "TAKT_SOAK_SECONDS": "1"}
OWN = {"stress/come_and_go": {"TAKT_STRESS_ROUNDS": "300"},  # with fewer it misses some that come
       "stress/elastic": {"TAKT_STRESS_EVENTS": "20000"}}

OUTPUT_MOST = 64 << 20
MEMORY_MOST = 8 << 30


def listed(root, name):
    """A list of names in test/meson.build."""
    text = (root / "test/meson.build").read_text()
    found = re.search(rf"^{name} = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"'(\w+)'", found[1])


def programs(root):
    """The names of the test programs."""
    return [*(f"unit/{name}" for name in listed(root, "unit_tests")),
            *(f"stress/{name}" for name in listed(root, "stress_tests"))]


def source_of(program):
    kind, name = program.split("/")
    return f"test/unit/test_{name}.c" if kind == "unit" else f"test/stress/{name}.c"


def must(error):
    if error:
        raise SystemExit(f"mutants: the library as it is does not build:\n{error}")


def copy_sources(root, folder):
    """Brings the copies in `folder` up to date: what has not changed stays as old as it is."""
    fresh = folder.parent / f"{folder.name}-fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "test").mkdir(parents=True)
    explorer.copy_sources(root, fresh)
    for name in ["unit", "stress"]:
        shutil.copytree(root / "test" / name, fresh / "test" / name)
    for path in fresh.rglob("*"):
        copy = folder / path.relative_to(fresh)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
            shutil.copy(path, copy)
    for name in [*explorer.LAYERS, "test"]:
        for path in (folder / name).rglob("*"):
            if not (fresh / path.relative_to(folder)).exists():
                path.unlink()
    shutil.rmtree(fresh)


def is_current(folder, name):
    """Whether an object is newer than all it was made of, by the compiler's list (-MMD)."""
    made, listed_in = folder / name, (folder / name).with_suffix(".d")
    if not made.exists() or not listed_in.exists():
        return False
    used = listed_in.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    try:
        return all((folder / path).stat().st_mtime <= made.stat().st_mtime for path in used)
    except OSError:
        return False


def make(parts, jobs, progress):
    """Compiles the (build, source) that are not current, several at a time. Those that were."""
    stale = [(build, source) for build, source in parts
             if not is_current(build.folder, build.object(source))]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, error in enumerate(pool.map(lambda part: part[0].compile(part[1]), stale), 1):
            must(error)
            progress(f"{number} of {len(stale)} sources compiled")
    return stale


class Library:
    """libtakt.so and the programs, in a folder of copies."""

    def __init__(self, compiler, folder, objects="release", flags=()):
        self.compiler, self.folder, self.objects, self.flags = compiler, folder, objects, flags
        self.sources = explorer.library_sources(folder)
        for name in ["", "unit", "stress"]:
            (folder / objects / name).mkdir(parents=True, exist_ok=True)

    def object(self, source):
        return f"{self.objects}/{source.parent.name}_{source.stem}.o"

    def compile(self, source):
        return self.run([*FLAGS, *self.flags, "-c", str(source.relative_to(self.folder)), "-o",
                         self.object(source)])

    def link(self):
        return self.run([*self.flags, "-shared", "-pthread", "-o", f"{self.objects}/libtakt.so",
                         *map(self.object, self.sources)])

    def program(self, name):
        return f"{self.objects}/{name}"

    def build_program(self, name):
        """In two steps, so that what --coverage writes has the program's name."""
        criterion = ["-lcriterion"] if name.startswith("unit/") else []
        error = self.run([*FLAGS, *self.flags, "-O0", "-c", source_of(name), "-o",
                          self.program(name) + ".o"])
        return error or self.run([*self.flags, "-pthread", "-o", self.program(name),
                                  self.program(name) + ".o", f"-L{self.objects}", "-ltakt", "-lm",
                                  *criterion])

    def run(self, arguments):
        result = subprocess.run([*self.compiler, *arguments], cwd=self.folder, capture_output=True,
                                text=True, check=False)
        return None if result.returncode == 0 else result.stdout + result.stderr


def command_of(name, library):
    """How a program is run in its folder, and what is in its environment."""
    command = [library.program(name), *(["-j1", "--tap=-"] if name.startswith("unit/") else [])]
    return command, {**SETTINGS, **OWN.get(name, {}), "LD_LIBRARY_PATH": library.objects}


@dataclass
class Outcome:
    passed: bool
    why: str
    seconds: float
    hung: bool = False


def limit_child():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MOST, OUTPUT_MOST))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))


def is_stopped(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "Tt"
    except OSError:
        return False


def watch(child, seconds):
    """Waits for the end of a child: False if it runs for longer. Time in which either of the two is
    stopped does not count."""
    spent, before, pause = 0.0, time.monotonic(), 0.002
    while child.poll() is None:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        now = time.monotonic()
        if not is_stopped(child.pid):
            spent += min(now - before, 0.5)
        before = now
        if spent > seconds:
            return False
    return True


def reason(text):
    """What a test program's output says about its failure: its first point that is not passed, or
    what the explorer has found."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = re.match(r"not ok \d* ?-? ?(.*)", line)
        if found and "# in schedule " in text:
            return next(line[2:] for line in lines[number + 1:] if " schedules in " not in line)
        if found:
            return re.sub(r"\s*\(\d+\.\d+s\)", "", found[1]).strip()
    return lines[-1].strip() if lines else ""


def execute(command, folder, environment, seconds):
    """Runs a test program, with its output in a file: a mutant may print without an end."""
    output = folder / f"output-{threading.get_ident()}.txt"
    began = time.monotonic()
    with output.open("wb") as stream:
        child = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT,
                                 env={**os.environ, **environment}, preexec_fn=limit_child,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
        ended = watch(child, seconds)
        if not ended:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    took = time.monotonic() - began
    if not ended:
        return Outcome(False, "does not end", took, hung=True)
    with output.open(errors="replace") as stream:
        text = stream.read(1 << 20)
    if child.returncode < 0:
        return Outcome(False, f"dies of {signal.Signals(-child.returncode).name}", took)
    return Outcome(child.returncode == 0, "" if child.returncode == 0 else reason(text), took)
