#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that tools/summary.py counts every point once and lets no failure pass unseen. TAP."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import summary  # noqa: E402 (found by the line above)

CRITERION = """TAP version 13
1..3
# Criterion v2.4.1
ok - ring::wraps  (0.01s)
not ok - ring::full  (0.00s)
  ---
  assertions: 1
  failures:
  - ../test/unit/test_ring.c:12: |+
      Assertion failed
  ...
not ok - ring::dies unexpected signal after ../test/unit/test_ring.c:20
"""

# (what, Meson's verdict, output, counts, what the failures' lines contain)
CASES = [
    ("passing points", "OK", "1..2\nok 1 - a\nok 2 - b\n", "2 passed, 0 failed", []),
    ("a skipped point", "OK", "1..2\nok 1 - a\nok 2 - b # SKIP no data\n",
     "1 passed, 0 failed, 1 skipped", []),
    ("a skipped program", "SKIP", "1..0 # SKIP no data\n", "0 passed, 0 failed, 1 skipped", []),
    ("a failing point", "ERROR", "1..2\nok 1 - a\nnot ok 2 - b\n# t.c:7: 3 is not 4\n",
     "1 passed, 1 failed", ["prog: b  (t.c:7: 3 is not 4)"]),
    ("Criterion's output", "ERROR", CRITERION, "1 passed, 2 failed",
     ["ring::full  (../test/unit/test_ring.c:12", "ring::dies"]),
    ("a Python traceback", "ERROR", "1..1\nnot ok 1 - a\n# Traceback (most recent call last):\n"
     "#   File \"t.py\", line 3, in main\n# KeyError: 'x'\n", "0 passed, 1 failed",
     ["a  (KeyError: 'x')"]),
    ("a crash after passing points", "ERROR", "1..3\nok 1 - a\n", "1 passed, 1 failed",
     ["error, exit status -6"]),
    ("a hang", "TIMEOUT", "ok 1 - a\n", "1 passed, 1 failed", ["timeout"]),
    ("a program that printed nothing and failed", "FAIL", "", "0 passed, 1 failed", ["fail"]),
    ("points broken off before the plan's end", "ERROR", "1..9\nok 1 - a\n", "1 passed, 1 failed",
     ["error"]),
    ("words that only look like points", "OK", "1..1\nokay 1\n# ok 2\nok 1 - a\n",
     "1 passed, 0 failed", []),
]


def main():
    print(f"1..{len(CASES)}")
    failed = False
    for number, (what, verdict, output, counts, lines) in enumerate(CASES, 1):
        record = {"name": "takt:unit / prog", "result": verdict, "stdout": output,
                  "returncode": -6}
        points = summary.test_points("release", record)
        found = [point.line() for point in summary.failures(points)]
        holds = summary.totals(points) == counts and len(found) == len(lines) and \
            all(expected in line for expected, line in zip(lines, found))
        failed |= not holds
        print(f"{'ok' if holds else 'not ok'} {number} - {what}")
        if not holds:
            print(f"# {summary.totals(points)}: {found}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
