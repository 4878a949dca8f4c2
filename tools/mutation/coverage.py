# SPDX-License-Identifier: MIT
"""Which lines each killer runs, and which objects each line is compiled into. A killer that doesn't
come to a mutant's line cannot kill it, and is not asked.

Everything is built once with --coverage, each killer is run once, and gcov is asked.
"""

import concurrent.futures
import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import explorer

from . import builds

SCHEDULES = "2000"  # of each case


class Lines:
    def __init__(self, run, compiled):
        self.run = run  # killer: {file: the lines that it runs}
        self.compiled = compiled  # object: {file: the lines that are in it}

    @staticmethod
    def load(path):
        with gzip.open(path, "rt") as stream:
            return Lines(*json.load(stream))

    def save(self, path):
        with gzip.open(path, "wt") as stream:
            json.dump([self.run, self.compiled], stream)

    def statement(self, file, line):
        """The line that gcov counts for this one: an expression may go over several lines."""
        known = {n for lines in self.compiled.values() for n in lines.get(file, ())}
        while line > 0 and line not in known:
            line -= 1
        return line

    def killers(self, file, line):
        line = self.statement(file, line)
        return [name for name, files in self.run.items() if line in files.get(file, ())]

    def share(self, killer, file):
        """How much of what a killer runs is in this file."""
        files = self.run[killer]
        return len(files.get(file, ())) / max(1, sum(map(len, files.values())))

    def objects(self, file, line):
        line = self.statement(file, line)
        return {name for name, files in self.compiled.items() if line in files.get(file, ())}


def gcov(folder, objects):
    """Reads what a run has left in `folder`: the lines that were run, and those of each object."""
    lines, compiled = {}, {}
    data = [str(path) for path in Path(folder).rglob("*.gcda")]
    result = subprocess.run(["gcov", "--json-format", "--stdout", *data], cwd=folder,
                            capture_output=True, text=True, check=False)
    for document in result.stdout.splitlines():
        if not document.startswith("{"):
            continue
        report = json.loads(document)
        name = Path(report["data_file"]).relative_to(folder).with_suffix(".o")
        for file in report["files"]:
            path = file["file"]
            if path.startswith("/"):
                continue
            known = compiled.setdefault(str(Path(objects) / name), {}).setdefault(path, [])
            known += [n["line_number"] for n in file["lines"] if n["line_number"] not in known]
            run = [n["line_number"] for n in file["lines"] if n["count"]]
            if run:
                lines.setdefault(path, [])
                lines[path] += [n for n in run if n not in lines[path]]
    return lines, compiled


def measure(folder, objects, killer, command, environment):
    """Runs one killer: what gcov says."""
    place = folder / "lines" / killer.replace("/", "-")
    shutil.rmtree(place, ignore_errors=True)
    for notes in (folder / objects).rglob("*.gcno"):
        copy = place / notes.relative_to(folder / objects)
        copy.parent.mkdir(parents=True, exist_ok=True)
        os.link(notes, copy)
    depth = len((folder / objects).resolve().parts) - 1
    builds.execute(command, folder, {**environment, "GCOV_PREFIX": str(place.resolve()),
                                     "GCOV_PREFIX_STRIP": str(depth)}, 600)
    found = gcov(place.resolve(), objects)
    shutil.rmtree(place)
    return found


def cases(folder, program):
    """The explorer's cases that run code of the library, and must pass."""
    result = subprocess.run([f"./{program}", "--list"], cwd=folder, capture_output=True, text=True,
                            check=True)
    names = [line.split()[0] for line in result.stdout.splitlines()
             if not line.endswith("(to be refuted)")]
    return [name for name in names if not name.startswith("model_")]


def collect(root, folder, compiler, jobs, kept, progress):
    """Measures all killers in a folder of copies; of what `kept` has, those that have changed."""
    simulated = explorer.Build(compiler, folder, "object", ["-g0", "-MMD", *builds.COVERED,
                                                            "-fno-sanitize=thread"])
    library = builds.Library(compiler, folder, "release", ["-MMD", *builds.COVERED])
    stale = builds.make([*((simulated, source) for source in simulated.sources),
                         *((library, source) for source in library.sources)], jobs, progress)
    changed = {build.objects for build, _ in stale}
    run, compiled = {}, {}
    for name, files in kept.compiled.items() if kept else ():
        if name.split("/")[0] not in changed:
            compiled[name] = files
    if changed or not (folder / "explorer").exists():
        builds.must(simulated.link("explorer"))
        builds.must(library.link())
    def measure_one(killer):
        if killer.startswith("explorer/"):
            command = ["./explorer", "--case", killer.split("/")[1], "--schedules", SCHEDULES]
            return measure(folder, simulated.objects, killer, command, {})
        if not builds.is_current(folder, library.program(killer) + ".o"):
            builds.must(library.build_program(killer))
        return measure(folder, library.objects, killer, *builds.command_of(killer, library))

    def is_known(killer):
        build = simulated if killer.startswith("explorer/") else library
        return kept and killer in kept.run and build.objects not in changed and (
            build is simulated or builds.is_current(folder, library.program(killer) + ".o"))

    killers = [*(f"explorer/{case}" for case in cases(folder, "explorer")),
               *builds.programs(root)]
    asked = [killer for killer in killers if not is_known(killer)]
    for killer in killers:
        if killer not in asked:
            run[killer] = kept.run[killer]
        elif not killer.startswith("explorer/"):
            compiled.pop(library.program(killer) + ".o", None)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for killer, (lines, parts) in zip(asked, pool.map(measure_one, asked)):
            progress(f"{killer} measured")
            run[killer] = lines
            for name, files in parts.items():
                compiled.setdefault(name, files)
    return Lines(run, compiled)
