#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt-book over the pipeline, against the same decode, book and tape code in one plain loop.

    perf/book.py BUILD [ROUNDS [MESSAGES]]

A machine's speed drifts by more than the differences looked for, so the configurations take turns
within every round, the round's order turns too, and medians are compared. The tapes lie in memory;
they must all be equal, or there is nothing to compare.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATIONS = {
    "baseline": ["--baseline"],
    "1 worker": ["--workers", "1"],
    "2 workers": ["--workers", "2"],
}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(program, options, feed, tape):
    """messages/s of one run, and the digest of its tape"""
    command = [program, *options, "--json", "--tape", tape, feed]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")
    return json.loads(result.stdout)["messages_per_s"], digest(tape)


def main(build, rounds=7, messages=5_000_000):
    examples = Path(build) / "examples"
    feed = Path(build) / "feed" / f"itch-{messages}.bin"
    if not feed.exists():
        feed.parent.mkdir(exist_ok=True)
        part = feed.with_suffix(".part")
        subprocess.run([examples / "itch-gen", "--messages", str(messages), "--seed", "1",
                        "--output", part], check=True)
        part.rename(feed)

    rates = {name: [] for name in CONFIGURATIONS}
    tapes = set()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        names = list(CONFIGURATIONS)
        for number in range(rounds):
            for name in names:
                rate, tape = run(examples / "takt-book", CONFIGURATIONS[name], feed,
                                 Path(folder) / "tape.csv")
                rates[name].append(rate)
                tapes.add(tape)
            names = names[1:] + names[:1]
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    baseline = statistics.median(rates["baseline"])
    print(f"{'':12}{'M messages/s':>14}{'least':>8}{'most':>8}{'to baseline':>14}")
    for name, found in rates.items():
        median = statistics.median(found)
        print(f"{name:12}{median / 1e6:14.2f}{min(found) / 1e6:8.2f}{max(found) / 1e6:8.2f}"
              f"{median / baseline:14.2f}")
    print(f"{rounds} rounds of {messages} messages, {os.cpu_count()} cores; the tapes are "
          f"{'equal' if len(tapes) == 1 else 'NOT EQUAL'}")
    return 0 if len(tapes) == 1 else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: perf/book.py BUILD [ROUNDS [MESSAGES]]")
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
