#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Searches the Promela models of this folder with spin, and sees that each mutant is refuted. TAP.

    run.py                  the exhaustive searches and all mutants: what `make check` runs
    run.py NAME...          only these searches and mutants (--list names them)
    run.py --large          searches too large to finish, by bit-state hashing, from several seeds
    run.py --trail NAME     one search or mutant, and the way to its error, step by step

A search passes if spin reports no error and has been everywhere: it was cut short neither by the
depth of its stack nor by memory. A mutant passes if spin finds an error in it. Each search may use
MEMORY / jobs. Needs spin (6.5) and a C compiler.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMORY = 2800  # MiB, of all searches that run side by side
DEPTH = 3000000

# What an assertion stands for, by what its text holds once the preprocessor has been over it.
PROPERTIES = [
    (r"acceptance cycle", "it comes to an end"),
    (r"asked\)", "nobody sleeps while there is work"),
    (r"late\[", "what is asked for is given up"),
    (r"owner\[s\]==me", "one owner"),
    (r"least<=", "output order"),
    (r"e!=failed", "what failed is nobody else's"),
    (r">>k\)&1\)!=", "order of a key"),
    (r"done>>e\)&1\)", "exactly once"),
    (r"sequence\[\(1-current\)\]", "the new division was empty"),
    (r"available-\d+|<4", "nothing is overwritten"),
]


@dataclass
class Search:
    name: str
    says: str
    model: str
    defines: dict
    live: bool = False
    mutant: str = ""
    large: bool = False
    result: dict = field(default_factory=dict)


def change(frm, to, events, keyed=0, fails=0, **more):
    return {"FROM": frm, "TO": to, "EVENTS": events, "KEYED": keyed, "FAILS": fails, **more}


def sleep(frm, to, events, early, after=0, keyed=0, fails=0, **more):
    return change(frm, to, events, keyed, fails, EARLY=early, AFTER=after, **more)


SEARCHES = [
    Search("cut-2-3", "2 -> 3 shards by sequence, 4 events", "cut", change(2, 3, 4)),
    Search("cut-3-2", "3 -> 2 shards by sequence, 4 events", "cut", change(3, 2, 4)),
    Search("cut-2-3-keyed", "2 -> 3 shards by key, 4 events", "cut", change(2, 3, 4, 1)),
    Search("cut-3-2-keyed", "3 -> 2 shards by key, 4 events", "cut", change(3, 2, 4, 1)),
    Search("cut-blocks", "1 -> 2 shards by blocks of 2, 4 events", "cut",
           change(1, 2, 4, BLOCK=2)),
    Search("cut-fails", "2 -> 3 shards, 3 events, a handler may fail", "cut",
           change(2, 3, 3, fails=1)),
    Search("cut-back", "1 -> 2 -> 1 shards, 3 events", "cut", change(1, 2, 3, BACK=1)),
    Search("park-publish", "no change, 2 events published to sleepers", "park",
           sleep(1, 1, 2, 0)),
    Search("park-1-2", "1 -> 2 shards, 2 events, workers that sleep", "park", sleep(1, 2, 2, 2)),
    Search("park-2-1-after", "2 -> 1 shards, 2 events, a stage after it", "park",
           sleep(2, 1, 2, 2, after=1)),
    Search("park-1-2-keyed", "1 -> 2 shards by key, 2 events, one published after the request",
           "park", sleep(1, 2, 2, 1, keyed=1, ONE_THREAD=1)),
    Search("park-asked", "1 -> 2 shards, 3 events, shards that are asked for", "park",
           sleep(1, 2, 3, 3, COUNT_LATE=1)),
    Search("park-fails", "2 -> 1 shards, 3 events, a handler may fail, one worker", "park",
           sleep(2, 1, 3, 1, after=1, fails=1, AT_ONCE=1, ALONE=1)),
    Search("park-alone", "2 -> 3 shards by key, 3 events, one worker, a stage after it", "park",
           sleep(2, 3, 3, 2, after=1, keyed=1, ALONE=1)),
    Search("live-1-2", "1 -> 2 shards, 1 event, weak fairness", "park", sleep(1, 2, 1, 1),
           live=True),
    Search("live-2-1-keyed", "2 -> 1 shards by key, 1 event, weak fairness", "park",
           sleep(2, 1, 1, 1, keyed=1), live=True),
    Search("live-alone", "3 -> 2 shards, 2 events, weak fairness, one worker", "park",
           sleep(3, 2, 2, 1, after=1, ALONE=1), live=True),
]


def mutant(name, says, model, defines, switch=None, large=False):
    """The search with the mutant's switch, which bears its name unless it has two searches."""
    switch = "M_" + (switch or name).upper().replace("-", "_")
    return Search(name, says, model, {**defines, switch: 1}, mutant=name, large=large)


MUTANTS = [
    mutant("no-version", "the gate is read without its version", "cut", change(2, 3, 4)),
    mutant("tentative", "an old shard leaves against a tentative cut", "cut", change(2, 3, 4)),
    mutant("final-after-cut", "`final` is read after the cut", "cut", change(2, 3, 4)),
    mutant("cut-not-raised", "the cut is not raised to what is processed", "cut", change(2, 3, 4)),
    mutant("not-owned", "what is processed is read without owning the shard", "cut",
           change(2, 3, 4)),
    mutant("counted-late", "a new shard is set up when the cut is final", "cut", change(2, 3, 4)),
    mutant("raised-late", "the version is raised when the cut is final", "cut", change(2, 3, 4)),
    mutant("covered-late", "the gate covers the new shards after its version is raised", "cut",
           change(2, 3, 4)),
    mutant("open-at-once", "keyed: the new shards start before the old ones have left", "cut",
           change(2, 3, 4, 1)),
    mutant("left-undone", "the changer makes old shards leave that have something left", "cut",
           change(2, 3, 4)),
    mutant("failed-handed-on", "the cut does not lie beyond a failed event", "cut",
           change(2, 3, 3, fails=1)),
    mutant("failed-waited-for", "a failed shard does not count as visited", "park",
           sleep(2, 1, 3, 1, fails=1, AT_ONCE=1, ALONE=1)),
    mutant("cut-at-next", "the cut is raised to a shard's next own sequence", "park",
           sleep(2, 1, 2, 2)),
    mutant("wanted-kept", "an owner keeps a shard that is asked for", "park",
           sleep(1, 2, 3, 3, COUNT_LATE=1)),
    mutant("wanted-taken", "workers take a shard that is asked for", "park",
           sleep(1, 2, 3, 3, COUNT_LATE=1)),
    mutant("stepper-wakes-nobody", "a thread that steps a change and goes away wakes nobody",
           "park", sleep(1, 2, 2, 2)),
    mutant("looks-once", "a worker sleeps although it was the changer in its last look", "park",
           sleep(1, 2, 2, 2)),
    mutant("looks-once-ticks", "the same, where the scheduler's ticks go on", "park",
           sleep(2, 1, 4, 2, after=1, AT_ONCE=1, TICKS=1), switch="looks-once", large=True),
    mutant("turned-away-forgotten", "the changer forgets who found it busy", "park",
           sleep(2, 1, 2, 2)),
    mutant("no-second-look", "a worker sleeps without another look", "park", sleep(1, 1, 2, 0)),
    mutant("ticket-late", "the ticket is taken after the last look", "park", sleep(1, 1, 2, 0)),
    mutant("waking-kept", "`waking` is not cleared before sleeping", "park", sleep(1, 1, 2, 0)),
    mutant("not-armed", "a sleeper does not arm the cursor", "park", sleep(1, 1, 2, 0)),
    mutant("publish-wakes-nobody", "a publish wakes nobody", "park", sleep(1, 1, 2, 0)),
]

LARGE = [
    Search("large-2-3-2", "2 -> 3 -> 2 shards by sequence, 8 events, ring of 4", "cut",
           change(2, 3, 8, BACK=1, RING=4), large=True),
    Search("large-2-3-2-keyed", "2 -> 3 -> 2 shards by key, 8 events, ring of 4", "cut",
           change(2, 3, 8, 1, BACK=1, RING=4), large=True),
    Search("large-blocks", "2 -> 3 -> 2 shards by blocks of 2, 8 events, ring of 4", "cut",
           change(2, 3, 8, BACK=1, RING=4, BLOCK=2), large=True),
    Search("large-fails", "2 -> 3 -> 2 shards, 6 events, a handler may fail", "cut",
           change(2, 3, 6, fails=1, BACK=1), large=True),
    Search("large-park", "2 -> 1 shards, 4 events, 2 of them published late, a stage after it",
           "park", sleep(2, 1, 4, 2, after=1, AT_ONCE=1), large=True),
    Search("large-park-ticks", "the same, with the scheduler's ticks", "park",
           sleep(2, 1, 4, 2, after=1, AT_ONCE=1, TICKS=1), large=True),
    Search("large-park-fails", "2 -> 1 shards, 4 events, a handler may fail", "park",
           sleep(2, 1, 4, 2, fails=1, AT_ONCE=1), large=True),
    Search("large-park-keyed", "2 -> 1 shards by key, 4 events, 2 of them published late", "park",
           sleep(2, 1, 4, 2, after=1, keyed=1, AT_ONCE=1), large=True),
    Search("large-park-2-3", "2 -> 3 shards, 4 events, workers that sleep", "park",
           sleep(2, 3, 4, 4), large=True),
    Search("large-park-3-2-keyed", "3 -> 2 shards by key, 4 events, workers that sleep", "park",
           sleep(3, 2, 4, 4, keyed=1), large=True),
]


running = set()
lock = threading.Lock()


def run(command, folder, timeout):
    """A command's output and status, or None if it took too long. A search is ended with us."""
    process = subprocess.Popen(command, cwd=folder, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with lock:
        running.add(process)
    try:
        output, _ = process.communicate(timeout=timeout)
        return output, process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0], None
    finally:
        with lock:
            running.discard(process)


def number(pattern, text):
    found = re.search(pattern, text, re.M)
    return float(found[1]) if found else 0.0


def build(search, folder, memory):
    """Makes folder/pan; returns what went wrong."""
    folder.mkdir(parents=True)
    for path in HERE.glob("*.pml"):
        shutil.copy(path, folder)
    defines = [f"-D{name}={value}" for name, value in search.defines.items()]
    defines += ["-DLIVE=1"] if search.live else []
    (folder / "defines").write_text(" ".join(defines))
    output, status = run(["spin", "-a", *defines, f"{search.model}.pml"], folder, 60)
    if status != 0 or "rror" in output:
        return f"spin -a: {output.strip()[-300:]}"
    flags = ["-O1" if search.mutant else "-O2", "-w", f"-DMEMLIM={memory}"]
    flags += ["-DNFAIR=2"] if search.live else ["-DSAFETY", "-DNOFAIR"]
    flags += ["-DBITSTATE", "-DT_RAND", "-DP_RAND"] if search.large else []
    output, status = run([os.environ.get("CC", "cc").split()[0], *flags, "-o", "pan", "pan.c"],
                         folder, 300)
    return None if status == 0 else f"cc: {output.strip()[-300:]}"


def examine(search, output, status):
    """What pan's report says of the search: (passed, why not or what was found)."""
    states = int(number(r"^\s*([\d.e+]+) states, stored", output))
    search.result.update(states=states, memory=number(r"([\d.]+)\s+total actual memory", output),
                         depth=int(number(r"depth reached (\d+)", output)))
    found = re.search(r"pan:\d+: (.*)", output)
    errors = re.search(r"errors: (\d+)", output)
    complete = not re.search(r"max search depth too small|out of memory|Search not completed"
                             r"|memory limit|MEMLIM|interrupted|time limit", output)
    if status is None:
        return False, "took too long"
    if status != 0 or not errors:
        return False, f"pan failed: {output.strip()[-200:]}"
    if errors[1] != "0":
        text = found[1] if found else "an error"
        caught = [name for pattern, name in PROPERTIES if re.search(pattern, text)]
        search.result["caught"] = caught[0] if caught else text[:80]
        return False, search.result["caught"]
    if not search.large and not complete:
        return False, "the search was not complete"
    if states < 100:
        return False, f"only {states} states: nothing was searched"
    return True, ""


def do(search, folder, options, seed=1):
    """Builds and runs one search. Fills in its result."""
    began = time.monotonic()
    memory = MEMORY // options.jobs
    wrong = build(search, folder, memory)
    if wrong:
        search.result.update(passed=False, why=wrong, states=0, memory=0)
    else:
        bits = max(20, (memory * 8 << 20).bit_length() - 2)
        how = ["-a", "-f"] if search.live else []
        how += [f"-w{bits}", f"-m{DEPTH // 10}", f"-RS{seed}", f"-Q{options.minutes}"] \
            if search.large else ["-w22", f"-m{DEPTH // (100 if search.mutant else 10)}"]
        output, status = run(["./pan", *how], folder, options.minutes * 60 + 1200)
        (folder / "report").write_text(output)
        passed, why = examine(search, output, status)
        if search.mutant:
            passed, why = "caught" in search.result, why or "spin found no error"
        search.result.update(passed=passed, why=why)
    search.result["seconds"] = time.monotonic() - began
    return search


def title(search):
    r = search.result
    size = f"{r['states']} states, {r['memory']:.0f} MB, {r['seconds']:.0f} s"
    if search.mutant:
        return f"mutant {search.name}: {search.says} ({r.get('caught', 'not refuted')}; {size})"
    searched = "not exhaustive" if search.large else "exhaustive"
    return f"{search.name}: {search.says} ({searched}; {size})"


def table(mutants):
    """The mutants, as docs/verification.md has them."""
    print("#\n# | mutant | what it does | refuted by | states |\n# |---|---|---|---|")
    for search in mutants:
        r = search.result
        print(f"# | `{search.name}` | {search.says} | {r.get('caught', 'nothing')} "
              f"| {r['states']:,} |")


def trail(search, folder):
    """The way to the error that pan has found."""
    defines = (folder / "defines").read_text().split()
    output, _ = run(["spin", "-t", "-p", "-g", *defines, f"{search.model}.pml"], folder, 120)
    print("\n".join("# " + line.rstrip() for line in output.splitlines()))


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="searches or mutants to run")
    parser.add_argument("--large", action="store_true", help="the searches that do not finish")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each large search (2)")
    parser.add_argument("--minutes", type=int, default=5, help="for each of these runs (5)")
    parser.add_argument("--jobs", type=int, default=2, help="searches side by side (2)")
    parser.add_argument("--trail", action="store_true", help="print the steps that led to an error")
    parser.add_argument("--list", action="store_true", help="name all searches and mutants")
    options = parser.parse_args(arguments)
    if min(options.seeds, options.minutes, options.jobs) < 1 or options.jobs > 16:
        parser.error("--seeds, --minutes and --jobs are at least 1, --jobs at most 16")
    return parser, options


def chosen(parser, options):
    everything = {search.name: search for search in SEARCHES + MUTANTS + LARGE}
    unknown = [name for name in options.names if name not in everything]
    if unknown:
        parser.error(f"no such search: {' '.join(unknown)} (--list names them)")
    if options.names:
        return [everything[name] for name in options.names]
    return LARGE if options.large else SEARCHES + MUTANTS


def main(arguments):
    parser, options = parse(arguments)
    if options.list:
        for search in SEARCHES + MUTANTS + LARGE:
            print(f"{search.name:24}{search.says}")
        return 0
    searches = [(search, seed) for search in chosen(parser, options)
                for seed in range(1, (options.seeds if search in LARGE else 1) + 1)]
    if not shutil.which("spin"):
        print("1..1\nnot ok 1 - spin is not installed")
        return 1
    failed = 0
    print(f"1..{len(searches)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="takt-model-") as top, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        folders = [Path(top) / f"{search.name}-{seed}" for search, seed in searches]
        copies = [Search(**{**search.__dict__, "result": {}}) for search, _ in searches]
        futures = [pool.submit(do, copy, folder, options, seed)
                   for copy, folder, (_, seed) in zip(copies, folders, searches)]
        try:
            for i, future in enumerate(futures):
                search = future.result()
                passed = search.result["passed"]
                failed += not passed
                print(f"{'' if passed else 'not '}ok {i + 1} - {title(search)}", flush=True)
                if not passed:
                    print(f"# {search.result['why']}", flush=True)
                if options.trail and (folders[i] / f"{search.model}.pml.trail").exists():
                    trail(search, folders[i])
        except BaseException:
            for future in futures:
                future.cancel()
            with lock:
                for process in running:
                    process.kill()
            raise
        mutants = [copy for copy in copies if copy.mutant]
        if mutants:
            table(mutants)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
