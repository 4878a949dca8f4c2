#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants one fault after the other in copies of the library, and sees who notices.

The faults are found in the text of disruptor/, shard/ and the public headers that these include, by
the rules of tools/mutation/rules.py; tools/mutation/ladder.py says who is asked. What came of each
is kept in build/mutants/state.jsonl: a run that was interrupted goes on, and one after an edit runs
what the edit concerns: the mutants of files that have changed, and, if anything has, those that had
survived. A run that leaves nothing open writes docs/mutants.md.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

from mutation import builds, coverage, ladder, rules, table  # noqa: E402 (no bytecode of these)

ROOT = Path(__file__).resolve().parent.parent
WANTED = 95  # percent of the mutants killed

# The atomics door and its counterpart in the public headers give the operations that the mutants
# weaken. jemalloc.c is an archive of its own, without a thread or an atomic access.
LEFT_OUT = ["disruptor/atomic", "disruptor/jemalloc.c", "include/takt/ordering.h"]


def mutated_files():
    sources = [path for layer in ["disruptor", "shard"] for path in (ROOT / layer).glob("*.[ch]")]
    included = {name for path in sources
                for name in re.findall(r"#include <(takt/\w+\.h)>", path.read_text())}
    names = [*(str(path.relative_to(ROOT)) for path in sources),
             *(f"include/{name}" for name in included)]
    return sorted(name for name in names if not name.startswith(tuple(LEFT_OUT)))


def all_mutants():
    """Orderings and wake-ups first: of these the fewest are easy to kill."""
    found = [mutant for file in mutated_files()
             for mutant in rules.find(file, (ROOT / file).read_text())]
    found.sort(key=lambda mutant: mutant.kind in ["true", "false"])
    return found


def digest(paths):
    sums = hashlib.sha256()
    for path in sorted(paths):
        sums.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return sums.hexdigest()[:16]


def digest_of_all():
    folders = ["include", "disruptor", "shard", "scheduler", "test/sim", "test/unit", "test/stress"]
    return digest([path for folder in folders for path in (ROOT / folder).rglob("*")
                   if path.is_file() and path.suffix in [".c", ".h"]])


class State:
    """What is known, a line for each mutant that was tried."""

    def __init__(self, path):
        self.path, self.lock, self.known = path, threading.Lock(), {}
        self.everything = digest_of_all()
        self.of_file = {file: digest([ROOT / file]) for file in mutated_files()}
        if path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                self.known[entry["name"]] = entry

    def find(self, mutant, stale=False):
        """The verdict, if it still holds. Who was killed stays so while the file does. Who survived
        does while nothing else changes, or, if `stale` ones will do, until it is asked again."""
        entry = self.known.get(mutant.name)
        if not entry or entry["file"] != self.of_file[mutant.file]:
            return None
        outdated = entry["everything"] != self.everything
        if entry["verdict"] == ladder.SURVIVES and outdated and not stale:
            return None
        return ladder.Verdict(entry["verdict"], entry["by"], entry["why"])

    def history(self):
        history = ladder.History()
        for entry in self.known.values():
            if entry["verdict"] == ladder.KILLED:
                file, function = entry["name"].split(":")[:2]
                history.note_at(file, function, entry["by"])
        return history

    def note(self, mutant, verdict):
        entry = {"name": mutant.name, "file": self.of_file[mutant.file],
                 "everything": self.everything, **vars(verdict)}
        with self.lock:
            self.known[mutant.name] = entry
            with self.path.open("a") as stream:
                stream.write(json.dumps(entry) + "\n")


def say(text):
    print(f"mutants: {text}", file=sys.stderr, flush=True)


def prepare(home, compiler, jobs, everything):
    """The library as it is, built, measured, and passed by all its killers. What an earlier run has
    left is used where it still holds."""
    base, lines, noted = home / "base", home / "lines.json.gz", home / "base.json"
    entry = json.loads(noted.read_text()) if noted.exists() else {}
    if entry.get("compiler", compiler) != compiler:
        for folder in [base, home / "cover"]:
            shutil.rmtree(folder, ignore_errors=True)
        lines.unlink(missing_ok=True)
        entry = {}
    if entry.get("everything") == everything:
        return base, coverage.Lines.load(lines), entry["seconds"]
    noted.write_text(json.dumps({"compiler": compiler}))
    kept = coverage.Lines.load(lines) if lines.exists() else None
    lines.unlink(missing_ok=True)
    for folder in [home / "cover", base]:
        builds.copy_sources(ROOT, folder)
    found = coverage.collect(ROOT, home / "cover", compiler, jobs, kept, say)
    found.save(lines)
    place = ladder.Base(base, compiler)
    changed = place.build(builds.programs(ROOT), jobs, say)
    seconds = place.measure(found.run, entry.get("seconds", {}), changed, say)
    noted.write_text(json.dumps({"everything": everything, "compiler": compiler,
                                 "seconds": seconds}))
    return base, found, seconds


def run(mutants, state, home, compiler, jobs):
    base, lines, seconds = prepare(home, compiler, jobs, state.everything)
    history, local, began = state.history(), threading.local(), time.monotonic()
    numbers = iter(range(jobs))
    done, counts, lock = [0], {}, threading.Lock()

    def try_one(mutant):
        if not hasattr(local, "bench"):
            with lock:
                number = next(numbers)
            local.bench = ladder.Bench(base, home / f"bench-{number}", compiler, lines, seconds,
                                       history)
        verdict = local.bench.try_out(mutant)
        state.note(mutant, verdict)
        with lock:
            done[0] += 1
            counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
            say(f"{done[0]}/{len(mutants)} {time.monotonic() - began:.0f} s  {mutant.name} "
                f"(line {mutant.line}): {verdict.verdict}"
                f"{' by ' + verdict.by if verdict.by else ''}"
                f"{': ' + verdict.why if verdict.why else ''}")

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for result in [pool.submit(try_one, mutant) for mutant in mutants]:
            result.result()


def arguments():
    parser = argparse.ArgumentParser(
        prog="mutants.py", description=__doc__.split("\n\n")[0],
        epilog="What is found out is kept in build/mutants/; an interrupted run goes on.")
    parser.add_argument("--list", action="store_true",
                        help="print the mutants, and what is known of them, and run none")
    parser.add_argument("--only", metavar="REGEX", default="",
                        help="those whose names (FILE:FUNCTION:RULE:N) match")
    parser.add_argument("--again", action="store_true", help="those, whatever is known of them")
    parser.add_argument("--survivors", action="store_true",
                        help="of those, the ones that are known to have survived")
    parser.add_argument("--table", action="store_true",
                        help="run none; write the table of what is known, in which survivors count "
                        "as such although tests have been added since")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="at a time (default: cores)")
    return parser.parse_args()


def print_list(mutants, state):
    for mutant in mutants:
        verdict = state.find(mutant)
        known = f"{verdict.verdict} {verdict.by} {verdict.why}".strip() if verdict else "open"
        print(f"{mutant.file}:{mutant.line}: {mutant.name}: {known}")


def revision():
    result = subprocess.run(["git", "log", "-1", "--format=%h"], cwd=ROOT, capture_output=True,
                            text=True, check=False)
    return result.stdout.strip()


def main():
    options = arguments()
    home = ROOT / "build/mutants"
    home.mkdir(parents=True, exist_ok=True)
    state = State(home / "state.jsonl")
    everyone = all_mutants()
    chosen = [mutant for mutant in everyone if re.search(options.only, mutant.name)]
    if options.survivors:
        chosen = [mutant for mutant in chosen
                  if state.known.get(mutant.name, {}).get("verdict") == ladder.SURVIVES]
    if options.list:
        print_list(chosen, state)
        return 0
    if options.table:
        chosen = []
    elif not options.again:
        chosen = [mutant for mutant in chosen if not state.find(mutant)]
    if chosen:
        run(chosen, state, home, os.environ.get("CC", "cc").split(), max(1, options.jobs))
    verdicts = [(mutant, state.find(mutant, options.table)) for mutant in everyone]
    still_open = sum(verdict is None for _, verdict in verdicts)
    if still_open:
        say(f"{still_open} of {len(everyone)} have not been tried: no table is written")
        return 0
    told = (ROOT / "docs/verification.md").read_text()
    page = table.Table(verdicts, told, datetime.date.today().isoformat(), revision())
    (ROOT / "docs/mutants.md").write_text(page.text())
    say(f"docs/mutants.md: {page.summary()}")
    for name in page.unexplained():
        say(f"docs/verification.md does not explain why it survives: {name}")
    return 1 if page.percent() < WANTED or page.unexplained() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted: the next run goes on from here")
        os._exit(130)  # without waiting for what the other threads run
