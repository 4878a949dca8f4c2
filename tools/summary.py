#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts test points.

A point is one thing that passed, failed or was skipped: one TAP line of a test program (Criterion
prints one for each of its tests), one build, one fuzz target. A program that failed without a
failing line of its own (it crashed, hung, or broke off before its plan was done) is one failed
point more, so that no failure can hide behind the points that came before it.
"""

import json
import re
import sys
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

POINT = re.compile(r"(?P<not>not )?ok\b\s*(?P<number>\d+)?\s*(?:- )?(?P<name>[^#]*)"
                   r"(?:#\s*(?P<directive>\w+)\s*(?P<reason>.*))?")


@dataclass
class Point:
    """One counted result; `where` is the build, `test` the program, `detail` one line of why."""

    where: str
    test: str
    name: str
    result: str
    detail: str = ""

    def line(self):
        title = ": ".join(part for part in (self.where, self.test, self.name) if part)
        return f"{self.result.upper()}  {title}" + (f"  ({self.detail})" if self.detail else "")


PLACE = re.compile(r"\S+\.(c|h|py|cc):\d+")
REPORT = re.compile(r"SUMMARY: \w+Sanitizer|runtime error:")
TIME = re.compile(r"\s*\(\d+\.\d+s\)$")


def first_line(lines):
    for line in lines:
        text = line.strip().lstrip("#- ").rstrip(" :|+-")
        if text:
            return text[:160]
    return ""


def diagnosis(lines):
    """What is said below a failing point, up to the next one: the exception of a Python traceback,
    or a line with a place, or the first line."""
    below = []
    for line in lines:
        if POINT.match(line):
            break
        below.append(line)
    if below and "Traceback (most recent call last)" in below[0]:
        return first_line(reversed(below))
    return first_line([line for line in below if PLACE.search(line)] or below)


def tap_points(where, test, text):
    """The points of one program's TAP, each failure with the first comment line after it."""
    points = []
    lines = text.splitlines()
    for i, line in enumerate(lines):
        match = POINT.match(line)
        if not match:
            continue
        result, detail = PASSED, ""
        if (match["directive"] or "").upper().startswith("SKIP"):
            result, detail = SKIPPED, match["reason"].strip()
        elif match["not"]:
            result, detail = FAILED, diagnosis(lines[i + 1:])
        name = TIME.sub("", match["name"].strip())
        name = name or f"point {match['number'] or len(points) + 1}"
        points.append(Point(where, test, name, result, detail))
    return points


def test_points(where, record):
    """The points of one record of Meson's testlog.json."""
    test, verdict = record["name"].split(" / ")[-1], record["result"]
    points = tap_points(where, test, record.get("stdout") or "")
    failed = any(point.result == FAILED for point in points)
    if verdict == "SKIP" and not points:
        return [Point(where, test, "", SKIPPED)]
    if verdict in ("OK", "SKIP") or failed:
        return points
    said = (record.get("stderr") or "").splitlines()
    reason = first_line([line for line in said if REPORT.search(line)] or reversed(said))
    detail = f"{verdict.lower()}, exit status {record.get('returncode')}"
    return points + [Point(where, test, "", FAILED, detail + (f": {reason}" if reason else ""))]


def read_testlog(where, path):
    with open(path, encoding="utf-8") as log:
        return [point for line in log for point in test_points(where, json.loads(line))]


def totals(points):
    """The closing line: `N passed, N failed`, and how many were skipped if any were."""
    count = {result: sum(point.result == result for point in points)
             for result in (PASSED, FAILED, SKIPPED)}
    line = f"{count[PASSED]} passed, {count[FAILED]} failed"
    return line + (f", {count[SKIPPED]} skipped" if count[SKIPPED] else "")


def failures(points):
    return [point for point in points if point.result == FAILED]


def main(arguments):
    """Summary of the testlog.json files named: NAME=PATH..."""
    points = []
    for argument in arguments:
        where, _, path = argument.partition("=")
        points += read_testlog(where, path)
    for point in failures(points):
        print(point.line())
    print(totals(points))
    return 1 if failures(points) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
