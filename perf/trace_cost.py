#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What it costs to be looked at: the table of docs/observability.md.

    perf/trace_cost.py BUILD [ROUNDS]

Runs takt-perf's scenarios trace-cost and trace-cost-cheap, in which the systems take turns, and
prints their medians and how much slower each is than the pipeline that nobody looks at.
"""

import json
import subprocess
import sys
from pathlib import Path

SCENARIOS = {"trace-cost": "four stages of 60 ns", "trace-cost-cheap": "four stages of 3 ns"}
SYSTEMS = {"trace-never": "never recorded", "trace-off": "off again", "trace-on": "recording",
           "trace-counters": "counters file"}


def main(build, rounds="21"):
    command = [str(Path(build) / "perf/takt-perf"), "run", "--json", "--events", "none", "--rounds",
               rounds, "--time", "500", *SCENARIOS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        found[row["scenario"], row["system"]] = row["events_per_s"]
    print("| M events/s |", " | ".join(SYSTEMS.values()), "|")
    print("|---|" + "---|" * len(SYSTEMS))
    for scenario, about in SCENARIOS.items():
        base = found[scenario, "trace-never"]
        cells = [f"{found[scenario, name] / 1e6:.2f}" +
                 ("" if name == "trace-never" else f" ({(found[scenario, name] / base - 1):+.1%})")
                 for name in SYSTEMS]
        print(f"| {about} |", " | ".join(cells), "|")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
