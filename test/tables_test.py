#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that perf/tables.py puts each row where it belongs, and marks those that are lost. TAP."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from points import main, test  # noqa: E402 (no bytecode of it)

TABLES = Path(__file__).resolve().parent.parent / "perf/tables.py"


def row(scenario, system, rate, **more):
    line = {"scenario": scenario, "system": system, "events_per_s": rate}
    if rate:
        line |= {"min": rate * 0.5, "max": rate * 2}
    return json.dumps(line | more)


def latency(p50, p90, p99):
    return {"latency_ns": {"p50": p50, "p90": p90, "p99": p99, "p99.9": p99, "max": p99}}


LINES = [
    row("unicast", "limit-loop", 1500e6), row("unicast", "takt", 200e6),
    row("unicast", "lmax", 50e6), row("unicast", "disruptor-rs", 100e6),
    row("unicast", "ck_ring", None, skipped="not built"),
    row("sequencer3", "takt", 20e6), row("sequencer3", "concurrentqueue", 40e6),
    row("stages-cheap", "limit-batch", 80e6), row("stages-cheap", "takt", 120e6),
    row("stages-cheap", "takt-1", 79e6), row("stages-cheap", "tbb-64", 60e6),
    row("chain-latency-1m", "takt", 1e6, **latency(1200, 2500, 91000)),
    row("chain-latency-1m", "lmax", 1e6, **latency(7000, 10000, 1600000)),
    row("book", "book-baseline", 4e6, counters={"cpu_percent": 99.5, "batch_ns": 18500.0}),
    row("idle", "takt", None, counters={"cpu_percent": 0.25}),
]


def tables_of(text):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write(text)
        file.flush()
        return subprocess.run([TABLES, file.name], capture_output=True, text=True, check=False)


def cells(lines, first):
    """The cells of the one row whose first cell is this."""
    found = [line for line in lines if line.startswith(f"| {first} |")]
    assert len(found) == 1, (first, lines)
    return [cell.strip() for cell in found[0].strip("|").split("|")][1:]


@test
def a_row_holds_median_spread_and_the_best_peer():
    lines = tables_of("\n".join(LINES)).stdout.splitlines()
    assert cells(lines, "`unicast`") == [
        "200 (100 to 400)", "50.0 (25.0 to 100)", "disruptor-rs 100 (50.0 to 200)",
        "limit-loop 1500 (750 to 3000)", "4.00", "2.00"], lines


@test
def a_lost_row_is_bold_and_a_missing_peer_is_a_dash():
    lines = tables_of("\n".join(LINES)).stdout.splitlines()
    assert cells(lines, "`sequencer3`") == [
        "20.0 (10.0 to 40.0)", "-", "concurrentqueue 40.0 (20.0 to 80.0)", "-", "-", "**0.50**"]


@test
def stages_stand_beside_one_thread():
    lines = tables_of("\n".join(LINES)).stdout.splitlines()
    assert cells(lines, "`stages-cheap`") == [
        "80.0 (40.0 to 160)", "120 (60.0 to 240)", "79.0", "60.0 (30.0 to 120)", "1.50", "-",
        "2.00"], lines


@test
def latencies_are_microseconds():
    lines = tables_of("\n".join(LINES)).stdout.splitlines()
    assert cells(lines, "`chain-latency-1m`") == ["1.20, 2.50, 91.0", "7.00, 10.0, 1600"], lines


@test
def what_has_no_peer_has_a_table_with_its_figures():
    lines = tables_of("\n".join(LINES)).stdout.splitlines()
    assert cells(lines, "`book`") == ["book-baseline", "4.00 (2.00 to 8.00)", "99.5", "-",
                                      "batch_ns 1.85e+04"], lines
    assert cells(lines, "`idle`") == ["takt", "-", "0.25", "-", "-"], lines


@test
def bad_input_is_an_error():
    for text in ["{", "[1]", '{"scenario": "a", "events_per_s": 1}']:
        outcome = tables_of(text)
        assert outcome.returncode == 1 and "tables.py: " in outcome.stderr, (text, outcome)
    assert subprocess.run([TABLES], capture_output=True, check=False).returncode == 2
    assert subprocess.run([TABLES, "--help"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
