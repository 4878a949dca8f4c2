#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt-perf's lines of JSON as the tables of docs/performance.md.

    perf/tables.py LINES

LINES is what `takt-perf run --json` wrote, as `make bench` does. A row in which takt is behind the
best peer is bold there. What a cell holds is millions of events a second, the median of the rounds
with the least and the most, or latencies in microseconds.
"""

import json
import sys

PERCENTILES = ["p50", "p90", "p99"]


def read(path):
    """The rows that were measured: by scenario, by system, in the order of the run."""
    scenarios = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("events_per_s") or row.get("counters"):
                scenarios.setdefault(row["scenario"], {})[row["system"]] = row
    return scenarios


def number(x):
    """Three digits, or all before the point."""
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def rate(row, spread=True):
    if row is None or not row["events_per_s"]:
        return "-"
    text = number(row["events_per_s"] / 1e6)
    if spread:
        text += f" ({number(row['min'] / 1e6)} to {number(row['max'] / 1e6)})"
    return text


def latency(row):
    if row is None:
        return "-"
    return ", ".join(number(row["latency_ns"][p] / 1e3) for p in PERCENTILES)


def quotient(a, b):
    rates = [row["events_per_s"] if row else None for row in [a, b]]
    return f"{rates[0] / rates[1]:.2f}" if all(rates) else "-"


def is_peer(system):
    ours = ("takt", "limit-", "book-", "redivide-", "keyed-", "trace-")
    return not system.startswith(ours)


def best_peer(rows):
    return max((row for system, row in rows.items() if is_peer(system) and row["events_per_s"]),
               key=lambda row: row["events_per_s"], default=None)


def to_best(rows):
    text = quotient(rows["takt"], best_peer(rows))
    return f"**{text}**" if text != "-" and float(text) < 1 else text


def table(head, body):
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def throughput(scenarios):
    body = []
    for name, rows in scenarios.items():
        takt, lmax, best = rows["takt"], rows.get("lmax"), best_peer(rows)
        limits = [f"{system} {rate(row)}" for system, row in rows.items()
                  if system.startswith("limit-")]
        body.append([f"`{name}`", rate(takt), rate(lmax),
                     f"{best['system']} {rate(best)}" if best else "-",
                     ", ".join(limits) or "-", quotient(takt, lmax), to_best(rows)])
    return table(["scenario", "takt", "LMAX 4", "best peer", "the bare machine", "takt to LMAX",
                  "to the best peer"], body)


def stages(scenarios):
    systems = []
    for rows in scenarios.values():
        systems += [system for system in rows if system not in systems]
    body = []
    for name, rows in scenarios.items():
        body.append([f"`{name}`",
                     *(rate(rows.get(s), s in ["takt", "limit-batch", "limit-cores", "tbb-64"])
                       for s in systems),
                     quotient(rows["takt"], rows.get("limit-batch")),
                     quotient(rows["takt"], rows.get("limit-cores")), to_best(rows)])
    return table(["scenario", *systems, "takt to limit-batch", "to limit-cores",
                  "to the best peer"], body)


def latencies(scenarios):
    systems = list(next(iter(scenarios.values())))
    return table(["p50, p90, p99 in us", *systems],
                 [[f"`{name}`", *(latency(rows.get(system)) for system in systems)]
                  for name, rows in scenarios.items()])


def figures(row):
    """What the scenario itself has counted."""
    standard = {"cpu_percent", "per_event", "threads", "missing", "scheduler_core"}
    return ", ".join(f"{name} {value:.4g}" for name, value in row.get("counters", {}).items()
                     if name not in standard and isinstance(value, (int, float)))


def rest(scenarios):
    body = [[f"`{name}`", system, rate(row),
             f"{row.get('counters', {}).get('cpu_percent', 0):.3g}",
             latency(row) if row.get("latency_ns") else "-", figures(row) or "-"]
            for name, rows in scenarios.items() for system, row in rows.items()]
    return table(["scenario", "system", "M events/s", "cpu %", "p50, p90, p99 in us", "figures"],
                 body)


def kind_of(name, rows):
    if "takt" not in rows or len(rows) == 1:
        return rest
    if name.startswith("stages-"):
        return stages
    return latencies if name.startswith("chain-latency-") else throughput


def main():
    asked = sys.argv[1:] in (["-h"], ["--help"])
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    kinds = {}
    try:
        for name, rows in read(sys.argv[1]).items():
            kinds.setdefault(kind_of(name, rows), {})[name] = rows
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        print(f"perf/tables.py: {sys.argv[1]}: {error!r}", file=sys.stderr)
        return 1
    print("\n\n".join(make(kinds[make]) for make in [throughput, stages, latencies, rest]
                      if make in kinds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
