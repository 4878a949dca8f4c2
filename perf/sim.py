#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What docs/scheduling.md shows: takt-sim's standard suite as tables, and pictures of some runs.

    perf/sim.py table BUILD [FILE]  the policies compared; FILE: what --json printed before
    perf/sim.py tuning BUILD        the default policy's numbers, each changed alone
    perf/sim.py stickiness BUILD    the worker's choice, where moving events and state costs time
    perf/sim.py plots BUILD         docs/scheduling-*.svg
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
FEW = ["2", "4", "16", "64"]
POLICIES = ["demand", "sainte-lague", "backlog", "min-sum", "latency", "makespan", "fixed"]
COLOURS = ["#1b6ca8", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#2e4057", "#999999"]

# Each changed alone; the first of a group is what the library has.
VARIATIONS = [
    ("as it is", []),
    ("shards per seat 1", ["--shards-per-seat", "1"]),
    ("shards per seat 1.5", ["--shards-per-seat", "1.5"]),
    ("shards per seat 3", ["--shards-per-seat", "3"]),
    ("spread over all stages: none", ["--spread", "0.001"]),
    ("spread 1 shard per worker", ["--spread", "1"]),
    ("spread 4", ["--spread", "4"]),
    ("grow after 2 ticks", ["--grow", "2"]),
    ("grow after 3 ticks", ["--grow", "3"]),
    ("shrink after 1 tick", ["--shrink", "1"]),
    ("shrink after 3 ticks", ["--shrink", "3"]),
    ("gain 0", ["--gain", "0"]),
    ("gain 0.5", ["--gain", "0.5"]),
    ("gain 0, shrink after 1 tick", ["--gain", "0", "--shrink", "1"]),
    ("dwell 1 tick", ["--dwell", "1"]),
    ("dwell 10 ticks", ["--dwell", "10"]),
    ("service time over 4 ticks", ["--window", "4", "--enough", "1e9"]),
    ("rate over 4 ticks", ["--rate-window", "4"]),
    ("catch up in 1 ms", ["--catch-up-ms", "1"]),
    ("catch up in 100 ms", ["--catch-up-ms", "100"]),
    ("leash: a quarter of the ring", ["--leash", "4"]),
    ("leash: a 64th", ["--leash", "64"]),
    ("leash: none, own shards first", ["--leash", "0.001"]),
    ("stickiness 1", ["--stickiness", "1"]),
    ("stickiness 4", ["--stickiness", "4"]),
    ("stickiness 64", ["--stickiness", "64"]),
    ("change at the end of the input", ["--far-cut", "1"]),
    ("all of: grow and shrink after 3, dwell 10, no spread, change at the end",
     ["--grow", "3", "--shrink", "3", "--dwell", "10", "--spread", "0.001", "--far-cut", "1"]),
]


def simulate(build, *options):
    command = [str(Path(build) / "perf/takt-sim"), "--json", *options]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def table(build, file=None):
    if file:
        rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    else:
        rows = simulate(build, "--suite", "standard")
    workers = sorted({row["workers"] for row in rows})
    print("Least efficiency of any workload, by workers:\n")
    print("| policy |", " | ".join(f"{n:,}" for n in workers), "| below 0.95 | redivisions/s |")
    print("|---" * (len(workers) + 3) + "|")
    for policy in POLICIES:
        mine = [row for row in rows if row["policy"] == policy]
        least = [min(row["efficiency"] for row in mine if row["workers"] == n) for n in workers]
        low = sum(row["efficiency"] < 0.95 for row in mine)
        often = mean(row["redivisions_per_s"] for row in mine)
        print(f"| {policy} |", " | ".join(f"{value:.3f}" for value in least),
              f"| {low} of {len(mine)} | {often:.0f} |")
    print("\nThe default policy, efficiency (settling time in ticks):\n")
    print("| workload |", " | ".join(f"{n:,}" for n in workers), "|")
    print("|---" * (len(workers) + 1) + "|")
    for name in dict.fromkeys(row["workload"] for row in rows):
        cells = [row for row in rows if row["workload"] == name and row["default"]]
        print(f"| {name} |", " | ".join(f"{row['efficiency']:.3f} ({row['settle_ticks']})"
                                        for row in cells), "|")
    print("\nLatency at 70 % load (`poisson`), p50 and p99 in microseconds:\n")
    print("| policy |", " | ".join(f"{n:,}" for n in workers), "|")
    print("|---" * (len(workers) + 1) + "|")
    for policy in POLICIES:
        cells = [row for row in rows if row["workload"] == "poisson" and row["policy"] == policy]
        print(f"| {policy} |", " | ".join(f"{row['p50_ns'] / 1e3:.1f}, {row['p99_ns'] / 1e3:.1f}"
                                          for row in cells), "|")


def tuning(build):
    print("| | least efficiency | mean | below 0.95 | settles, at worst | turns | redivisions/s"
          " | p99 at 70 % load, 16 workers |")
    print("|---" * 8 + "|")
    for name, options in VARIATIONS:
        rows = []
        for workers in FEW:
            rows += simulate(build, "--suite", "standard", "--policy", "demand", "--workers",
                             workers, "--ticks", "30", *options)
        low = sum(row["efficiency"] < 0.95 for row in rows)
        p99 = next(row["p99_ns"] for row in rows
                   if row["workload"] == "poisson" and row["workers"] == 16)
        print(f"| {name} | {min(row['efficiency'] for row in rows):.3f} "
              f"| {mean(row['efficiency'] for row in rows):.3f} | {low} of {len(rows)} "
              f"| {max(row['settle_ticks'] for row in rows)} "
              f"| {max(row['reversals'] for row in rows)} "
              f"| {mean(row['redivisions_per_s'] for row in rows):.0f} | {p99 / 1e3:.0f} us |",
              flush=True)


def stickiness(build):
    factors = [1, 2, 4, 8, 16, 32, 64, 256]
    print("| workload, workers | state, event (ns) |", " | ".join(map(str, factors)), "|")
    print("|---" * (len(factors) + 2) + "|")
    for workload in ("balanced", "skewed", "keyed", "sixteen", "diamond"):
        for workers in ("2", "4", "16"):
            for state, move in ((2000, 10), (10000, 30)):
                rows = [simulate(build, "--workload", workload, "--workers", workers, "--policy",
                                 "demand", "--state-ns", str(state), "--move-ns", str(move),
                                 "--stickiness", str(factor))[0] for factor in factors]
                print(f"| {workload}, {workers} | {state:,}, {move} |",
                      " | ".join(f"{row['efficiency']:.3f}" for row in rows), "|", flush=True)


def trace(build, workload, workers, policy, *options):
    with tempfile.NamedTemporaryFile("r", suffix=".csv") as file:
        simulate(build, "--workload", workload, "--workers", str(workers), "--policy", policy,
                 "--csv", file.name, *options)
        return list(csv.DictReader(file))


def picture(path, title, x_label, y_label, curves, x_most, y_most):
    """Curves: (name, [(x, y), ...]). A hand-made SVG: axes, steps, and a name beside each."""
    width, height, left, top = 640, 300, 56, 34
    right, bottom = width - 150, height - 40

    def at(x, y):
        return left + x / x_most * (right - left), bottom - y / y_most * (bottom - top)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           f'<text x="{left}" y="18" font-size="14">{title}</text>']
    for i in range(5):
        x, y = at(0, y_most * i / 4)
        out.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">'
                   f'{y_most * i / 4:g}</text>')
    for i in range(6):
        x, y = at(x_most * i / 5, 0)
        out.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">'
                   f'{x_most * i / 5:g}</text>')
    out.append(f'<text x="{(left + right) / 2:.0f}" y="{height - 6}" text-anchor="middle">'
               f'{x_label}</text>')
    out.append(f'<text x="14" y="{(top + bottom) / 2:.0f}" text-anchor="middle" '
               f'transform="rotate(-90 14 {(top + bottom) / 2:.0f})">{y_label}</text>')
    for i, (name, points) in enumerate(curves):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<line x1="{right + 12}" y1="{top + 8 + 18 * i}" x2="{right + 30}" '
                   f'y2="{top + 8 + 18 * i}" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{right + 35}" y="{top + 12 + 18 * i}">{name}</text>')
    out.append("</svg>\n")
    Path(path).write_text("\n".join(out))


def plots(build):
    rows = trace(build, "moving", 64, "demand")
    names = list(dict.fromkeys(row["stage"] for row in rows))
    curves = [(f"stage {name}", [(int(row["tick"]), int(row["width"])) for row in rows
                                 if row["stage"] == name]) for name in names]
    picture(DOCS / "scheduling-widths.svg",
            "Widths when the hot stage moves from b to d (moving, 64 workers)", "ticks (ms)",
            "shards", curves, 24, 120)
    curves = []
    for name, options in (("as it is", []), ("no spread", ["--spread", "0.001"]),
                          ("cut at input's end", ["--far-cut", "1"]),
                          ("policy fixed", None)):
        policy = "demand" if options is not None else "fixed"
        rows = trace(build, "moving", 16, policy, *(options or []))
        first = rows[0]["stage"]
        curves.append((name, [(int(row["tick"]), min(1.0, float(row["efficiency"])))
                              for row in rows if row["stage"] == first]))
    picture(DOCS / "scheduling-step.svg",
            "Work done over the bound, tick by tick (moving, 16 workers)", "ticks (ms)",
            "efficiency", curves, 24, 1)
    workers = [1, 2, 4, 16, 64, 256, 1024]
    curves = []
    for policy in ("demand", "min-sum", "makespan", "fixed"):
        rows = simulate(build, "--workload", "skewed", "--policy", policy)
        curves.append((policy, [(i, row["efficiency"]) for i, row in enumerate(rows)]))
    picture(DOCS / "scheduling-policies.svg", "10:10:170:10 ns, always full (skewed)",
            "workers: " + ", ".join(f"{n:,}" for n in workers[:-1]) + ", 1,024 at 0 to 6",
            "efficiency", curves, 6, 1)


def main():
    commands = {"table": table, "tuning": tuning, "stickiness": stickiness, "plots": plots}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__.strip())
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
