# SPDX-License-Identifier: MIT
"""One mutant after the other: is built, and climbs the ladder of what may kill it.

    1. does it build, and is any machine code another?
    2. the schedule explorer, briefly
    3. the unit tests
    4. the schedule explorer, thoroughly
    5. the stress programs, with short settings

Each rung asks only those who run the mutant's line, and of these the likeliest: who has killed its
neighbours, and then whose run is most about the mutant's file; and the explorer's small cases,
which cost little and are searched most completely. An ordering that x86 gives anyway leaves the
library's machine code as it is: then only the explorer is asked, whose memory is weaker.
"""

import concurrent.futures
import filecmp
import shutil
import threading
from dataclasses import dataclass

import explorer

from . import builds

BRIEF, THOROUGH = 2000, 30000  # schedules of each case; thoroughly, of a slow one fewer:
CASE_SECONDS = 1.5
ASKED = {"explorer": 40, "unit": 40, "stress": 8}  # at most so many,
SMALL_SECONDS = 0.05  # and the cases whose brief run is shorter

KILLED, SURVIVES, NO_MUTANT = "killed", "survives", "no mutant"


@dataclass
class Verdict:
    verdict: str
    by: str = ""
    why: str = ""


class History:
    """Who has killed what is near."""

    def __init__(self):
        self.lock, self.kills = threading.Lock(), {}

    def note(self, mutant, killer):
        self.note_at(mutant.file, mutant.function, killer)

    def note_at(self, file, function, killer):
        with self.lock:
            for place in [file, f"{file}:{function}"]:
                kills = self.kills.setdefault(place, {})
                kills[killer] = kills.get(killer, 0) + 1

    def order(self, mutant, killers, lines):
        with self.lock:
            near = dict(self.kills.get(f"{mutant.file}:{mutant.function}", {}))
            file = dict(self.kills.get(mutant.file, {}))
        return sorted(killers, key=lambda k: (-near.get(k, 0), -file.get(k, 0),
                                              -lines.share(k, mutant.file)))


class Place:
    """A folder of copies with the explorer and the library in it."""

    def __init__(self, folder, compiler):
        self.folder, self.seconds = folder, {}
        self.simulated = explorer.Build(compiler, folder, "object", ["-g0", "-MMD"])
        self.library = builds.Library(compiler, folder, "release", ["-MMD"])

    def run(self, killer, schedules, limit=None):
        command, environment = self.command_of(killer, schedules)
        limit = limit or 10 + 8 * self.seconds[killer] * max(1, schedules // BRIEF)
        return builds.execute(command, self.folder, environment, limit)

    def command_of(self, killer, schedules):
        kind, name = killer.split("/")
        if kind != "explorer":
            return builds.command_of(killer, self.library)
        return ["./explorer", "--case", name, "--schedules", str(schedules), "--steps", "0"], {}


class Base(Place):
    """The library as it is: what benches begin with."""

    def build(self, programs, jobs, progress):
        """What has not changed is not built. The programs that are other ones now."""
        stale = builds.make([(build, source) for build in [self.simulated, self.library]
                             for source in build.sources], jobs, progress)
        for build, linked in [(self.simulated, "explorer"), (self.library, "release/libtakt.so")]:
            if any(changed is build for changed, _ in stale) or \
                    not (self.folder / linked).exists():
                builds.must(build.link())
        outdated = [name for name in programs
                    if not builds.is_current(self.folder, self.library.program(name) + ".o")]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for name, error in zip(outdated, pool.map(self.library.build_program, outdated)):
                builds.must(error)
                progress(f"{name} built")
        return [*outdated, *({"explorer", "unit", "stress"} if stale else ())]

    def measure(self, killers, known, changed, progress):
        """How long each takes; all must pass."""
        for killer in killers:
            if killer in known and killer not in changed and killer.split("/")[0] not in changed:
                self.seconds[killer] = known[killer]
                continue
            outcome = self.run(killer, BRIEF, 300)
            if not outcome.passed:  # what is stopped for a while may run into a test's own time-out
                outcome = self.run(killer, BRIEF, 300)
            progress(f"{killer}: {outcome.seconds:.1f} s")
            if not outcome.passed:
                raise SystemExit(f"mutants: {killer} fails without a mutant: {outcome.why}")
            self.seconds[killer] = outcome.seconds
        return self.seconds


class Bench(Place):
    """Where mutants are built and run, one at a time."""

    def __init__(self, base, folder, compiler, lines, seconds, history):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        super().__init__(folder, compiler)
        self.base, self.lines, self.seconds = base, lines, seconds
        self.history = history
        self.touched = set()

    def restore(self, file):
        for path in [file, *self.touched]:
            shutil.copy2(self.base / path, self.folder / path)
        self.touched.clear()

    def try_out(self, mutant):
        file = self.folder / mutant.file
        file.write_text(mutant.apply(file.read_text()))
        try:
            return self.climb(mutant)
        finally:
            self.restore(mutant.file)

    def rebuild(self, mutant, build):
        """Compiles anew what contains the line; None if none of it is other code, or an error."""
        known = self.lines.objects(mutant.file, mutant.line)
        differs = False
        for source in build.sources:
            name = build.object(source)
            if source != self.folder / mutant.file and name not in known:
                continue
            self.touched.add(name)
            error = build.compile(source)
            if error:
                return error
            differs |= not filecmp.cmp(self.base / name, self.folder / name, shallow=False)
        return "" if differs else None

    def climb(self, mutant):
        self.library_differs = self.program_differs = False
        error = self.rebuild(mutant, self.simulated)
        if error:
            return Verdict(NO_MUTANT, "", "does not compile")
        simulated = error is not None
        if simulated:
            self.touched.add("explorer")
            error = self.simulated.link()
            if error:
                return Verdict(NO_MUTANT, "", "does not link")
        killers = self.lines.killers(mutant.file, mutant.line)
        real = None
        for rung, kind in [(BRIEF, "explorer/"), (0, "unit/"), (THOROUGH, "explorer/"),
                           (0, "stress/")]:
            if kind == "explorer/" and not simulated:
                continue
            if kind != "explorer/" and real is None:
                real = self.real(mutant)
                if isinstance(real, Verdict):
                    return real
            if kind != "explorer/" and not real:
                if not simulated:
                    return Verdict(NO_MUTANT, "", "the same machine code")
                continue
            asked = [killer for killer in killers if killer.startswith(kind)]
            asked = self.history.order(mutant, asked, self.lines)
            most = ASKED[kind[:-1]]
            asked[most:] = [killer for killer in asked[most:] if kind == "explorer/"
                            and self.seconds[killer] < SMALL_SECONDS]
            for killer in asked:
                outcome = self.ask(killer, rung, mutant)
                if not outcome.passed:
                    self.history.note(mutant, killer)
                    return Verdict(KILLED, killer, outcome.why)
        if not simulated and not self.library_differs and not self.program_differs:
            return Verdict(NO_MUTANT, "", "the same machine code")
        return Verdict(SURVIVES, "", "" if killers else "no test comes here")

    def real(self, mutant):
        """Whether the library for real threads is other code; a verdict if it does not compile."""
        if mutant.explorer_only:
            return False
        error = self.rebuild(mutant, self.library)
        if error:
            return Verdict(NO_MUTANT, "", "does not compile")
        known = self.lines.objects(mutant.file, mutant.line)
        inlined = any(name.startswith(("release/unit/", "release/stress/")) for name in known)
        self.library_differs = error is not None
        if not self.library_differs and not (mutant.file.endswith(".h") and inlined):
            return False
        self.touched.add("release/libtakt.so")
        if self.library.link():
            return Verdict(NO_MUTANT, "", "does not link")
        return True

    def ask(self, killer, schedules, mutant):
        if killer.startswith("explorer/"):
            affordable = int(BRIEF * CASE_SECONDS / max(self.seconds[killer], 0.01))
            return self.run(killer, max(BRIEF, min(schedules, affordable)))
        if mutant.file.endswith(".h") and \
                f"release/{killer}.o" in self.lines.objects(mutant.file, mutant.line):
            self.touched |= {f"release/{killer}", f"release/{killer}.o"}
            if self.library.build_program(killer):
                return builds.Outcome(True, "", 0)
            same = filecmp.cmp(self.base / f"release/{killer}.o",
                               self.folder / f"release/{killer}.o", shallow=False)
            self.program_differs |= not same
            if same and not self.library_differs:
                return builds.Outcome(True, "", 0)
        outcome = self.run(killer, schedules)
        for _ in range(3 if killer.startswith("stress/") else 1):
            if outcome.passed or outcome.hung:
                break
            again = self.run(killer, schedules)  # a machine under load is no mutant: fail twice
            if not again.passed:
                return again
        else:
            return again
        return outcome
