#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt-perf: every scenario for a moment, and what becomes of runs that go wrong. TAP.

    perf_test.py TAKT_PERF FAULTY [OPTION...]

FAULTY is the same program over the systems of perf_faults.c. The options are given to every run of
TAKT_PERF. No time is asserted: what is looked at is that runs end well, that results are right
(takt-perf compares checksums) and that the figures are those of the JSON that is promised.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from html.parser import HTMLParser
from pathlib import Path

TAKT_PERF, FAULTY = (os.path.abspath(path) for path in sys.argv[1:3])
OPTIONS = sys.argv[3:]
REPORT = Path(__file__).resolve().parent.parent / "perf" / "report.py"
MOMENT = ["--rounds", "1", "--time", "5", "--limit", "240", *OPTIONS]
PROMISED = """unicast unicast-batch10 unicast-batch100 unicast-64b unicast-1k poller multicast3
    pipeline3 diamond3 sequencer3 sequencer3-batch10 pingpong idle book limit-line limit-loop
    redivide keyed limit-batch stages-balanced stages-skewed stages-moving stages-cheap
    chain-latency-200k chain-latency-1m trace-cost trace-cost-cheap""".split()
FIELDS = {"scenario", "system", "rounds", "events_per_s", "min", "max", "ratio_to_best_peer",
          "speedup_to_single", "latency_ns", "counters"}
PERCENTILES = ["p50", "p90", "p99", "p99.9", "max"]


class Result:
    def __init__(self, program, *arguments, env=None):
        done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, env={**os.environ, **(env or {})})
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def rows(self):
        """JSON lines by system"""
        lines = [json.loads(line) for line in self.out.splitlines()]
        rows = {line["system"]: line for line in lines}
        assert len(rows) == len(lines), "a system twice"
        return rows


def scenarios(program):
    listed = Result(program, "list")
    assert listed.status == 0, listed.err
    names = []
    for line in listed.out.splitlines()[1:]:
        if not line:
            return names
        names.append(line.split()[0])
        assert len(line.split()) > 3, f"{line}: says nothing about itself"
    return names


def is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0


def check_row(row, rounds=1):
    """The promised fields and nothing else, of a run that went well."""
    assert "error" not in row, row["error"]
    assert row.keys() <= FIELDS, f"unknown fields: {row.keys() - FIELDS}"
    assert row["rounds"] == rounds
    if row["scenario"] == "idle":
        assert row["events_per_s"] is row["min"] is row["max"] is None
    else:
        assert is_number(row["events_per_s"])
        assert row["min"] <= row["events_per_s"] <= row["max"]
    if row["scenario"].startswith("chain-latency"):
        assert "latency_ns" in row, "no latency"
    if "latency_ns" in row:
        figures = [row["latency_ns"][name] for name in PERCENTILES]
        assert len(row["latency_ns"]) == len(PERCENTILES)
        assert figures == sorted(figures) and figures[0] >= 0 and figures[-1] > 0, figures
    assert row["counters"]["cpu_percent"] >= 0


class Everything:
    """All scenarios in one run, so that a peer that is slow to start is started once."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.result = Result(TAKT_PERF, "run", *MOMENT, "--json", "--hgrm", self.folder.name)
        self.curves = {path.stem for path in Path(self.folder.name).glob("*.hgrm")}
        self.rows = [json.loads(line) for line in self.result.out.splitlines()]

    def ended_well(self):
        assert self.result.status == 0, self.result.err
        pairs = [(row["scenario"], row["system"]) for row in self.rows]
        assert len(set(pairs)) == len(pairs), "a row twice"
        return ", ".join(sorted({f"without {row['system']}" for row in self.rows
                                 if "skipped" in row}))

    def check(self, name):
        ran = [row for row in self.rows if row["scenario"] == name and "skipped" not in row]
        assert ran, "nobody ran it"
        for row in ran:
            check_row(row)
        expected = {f"{name}-{row['system']}" for row in ran if "latency_ns" in row}
        assert expected <= self.curves, f"no {expected - self.curves}"
        if name.startswith(("stages-", "book")):
            assert any("speedup_to_single" in row for row in ran)
        return ", ".join(row["system"] for row in ran)


    def page(self):
        """The page of the whole table, opened in a browser: it says nothing on its console, and has
        a section for each scenario with a row for each system."""
        lines, output = (Path(self.folder.name, name) for name in ("lines", "page.html"))
        lines.write_text(self.result.out, encoding="utf-8")
        subprocess.run([sys.executable, "-B", REPORT, TAKT_PERF, lines, self.folder.name, output],
                       check=True, stdout=subprocess.DEVNULL)
        seen = opened(output)
        for name in scenarios(TAKT_PERF):
            section = re.search(rf'<h2 id="{name}">(.*?)(?=<h2|$)', seen, re.S)
            assert section, f"no section for {name}"
            shown = re.findall(r"<tr[^>]*><td[^>]*>([^<]*)</td>", section[1])
            assert shown == [row["system"] for row in self.rows if row["scenario"] == name], shown
        return None if BROWSER else "without a browser"


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def opened(path):
    """What a browser makes of a page; the page itself where there is no browser."""
    if not BROWSER:
        return path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
             f"--user-data-dir={folder}", "--dump-dom", path.as_uri()],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=300)
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def usage():
    for arguments in (["run", "--rounds", "0"], ["run", "--rounds", "x"], ["run", "--time", "-1"],
                      ["run", "nobody"], ["run", "--peers", "nobody"], ["run", "--peers", ""],
                      ["run", "--pin", "99999"], ["run", "--pin", "1,"], ["run", "--pin", ""],
                      ["run", "--events", "no-such-event"], ["run", "--events", "cycles,"],
                      ["run", "--report", "x.html"], ["run", "--trace", "x.json", "unicast"],
                      ["run", "--report", "x.json", "keyed"], ["run", "--frobnicate"],
                      ["run", "-x"], ["run", "--rounds"], ["fly"], [], ["list", "it"]):
        result = Result(TAKT_PERF, *arguments)
        assert result.status == 2, f"{arguments}: status {result.status}"
        assert result.err.startswith("takt-perf: ") and not result.out, arguments
    for arguments in (["--help"], ["run", "--help"], ["list", "--help"]):
        result = Result(TAKT_PERF, *arguments)
        assert result.status == 0 and "Usage: takt-perf" in result.out


def names():
    found = scenarios(TAKT_PERF)
    missing = set(PROMISED) - set(found)
    assert not missing, f"not there: {missing}"


def table():
    result = Result(TAKT_PERF, "run", *MOMENT, "limit-loop*")
    assert result.status == 0, result.err
    for name in ("limit-loop", "limit-loop-64b"):
        assert re.search(rf"^{name}: ", result.out, re.M), result.out


def pinned():
    cpus = sorted(os.sched_getaffinity(0))
    for pin in ("auto", ",".join(map(str, cpus[:2])), str(cpus[-1])):
        result = Result(TAKT_PERF, "run", *MOMENT, "--json", "--pin", pin, "limit-batch")
        assert result.status == 0, result.err
        check_row(result.rows()["limit-batch"])


def software_events():
    """What every machine can count, if it may count at all."""
    result = Result(TAKT_PERF, "run", *MOMENT, "--json", "--events", "task-clock,page-faults",
                    "limit-loop")
    assert result.status == 0, result.err
    counters = result.rows()["limit-loop"]["counters"]
    if "missing" not in counters:
        assert set(counters["per_event"]) - {"tsc"} == {"task-clock", "page-faults"}
        assert {thread["thread"] for thread in counters["threads"]} == {0, 1}
        total = counters["per_event"]["task-clock"]
        parts = sum(thread["per_event"]["task-clock"] for thread in counters["threads"])
        assert abs(total - parts) <= 0.01 * total, f"{total} and {parts}"


def medians_and_ratios():
    """perf_faults.c's systems take 1, 4, 8 and 8 microseconds for an event."""
    result = Result(FAULTY, "run", "--json", "--rounds", "4", "--time", "10", "right")
    assert result.status == 0, result.err
    rows = result.rows()
    assert rows.pop("absent")["skipped"] == "on purpose"
    for row in rows.values():
        check_row(row, 4)
    rates = {"best-peer": 1e6, "takt": 250e3, "other-peer": 125e3, "one-thread": 125e3}
    assert {name: row["events_per_s"] for name, row in rows.items()} == rates
    assert rows["takt"]["ratio_to_best_peer"] == 0.25
    assert rows["best-peer"]["counters"]["size"] == 8 and rows["best-peer"]["counters"]["more"] == 1
    assert rows["best-peer"]["counters"]["min_max"] == {"size": [8, 8], "more": [1, 1]}
    assert "min_max" not in rows["takt"]["counters"]
    assert not any("size" in rows[name]["counters"] for name in rates if name != "best-peer")
    assert not any("ratio_to_best_peer" in rows[name] for name in rates if name != "takt")
    assert rows["takt"]["speedup_to_single"] == 2
    assert "speedup_to_single" not in rows["one-thread"]
    assert rows["takt"]["latency_ns"]["max"] == 4000000
    assert abs(rows["takt"]["latency_ns"]["p50"] - 2000000) <= 2000


def changes():
    """A stage that is divided anew: long enough that there are changes on a busy machine too."""
    for scenario in ("redivide", "keyed"):
        result = Result(TAKT_PERF, "run", *MOMENT, "--time", "100", "--json", scenario)
        assert result.status == 0, result.err
        rows = result.rows()
        assert set(rows) == {f"{scenario}-{kind}" for kind in ("none", "1000", "settled")}
        for row in rows.values():
            check_row(row)
            counters = row["counters"]
            assert 0 < counters["batch_ns"] <= counters["batch_p99_ns"]
            assert "latency_ns" in row, "no pauses"
            assert counters["changes_per_s"] > 0 or row["system"].endswith("-none")
        counters = rows[f"{scenario}-settled"]["counters"]
        assert is_number(counters["change_cpu_ns"])
        assert 0 < counters["settle_ns"] <= counters["settle_p99_ns"]


def moves():
    """A hot stage that moves: a run has a move in it, unless a sanitizer or others slow it down."""
    figures = ["settle_ticks", "settle_most", "tick_1", "tick_2", "tick_3", "lost_ticks"]
    brief = Result(TAKT_PERF, "run", *MOMENT, "--peers", "none", "--json", "stages-moving")
    assert not set(figures) & set(brief.rows()["takt"]["counters"]), "no move, no figure"
    if OPTIONS:
        return "with a sanitizer a move takes too long"
    result = Result(TAKT_PERF, "run", "--rounds", "1", "--peers", "none", "--json", "stages-moving")
    assert result.status == 0, result.err
    rows = result.rows()
    for row in rows.values():
        check_row(row)
    for name in ("limit-batch", "limit-cores", "takt-threads"):
        assert not set(figures) & set(rows[name]["counters"]), name
    counters = rows["takt"]["counters"]
    if "settle_ticks" not in counters:
        return "too busy a machine for a move in the usual time"
    assert set(figures) <= set(counters), counters
    assert 0 <= counters["settle_ticks"] <= counters["settle_most"]
    assert counters["settle_ticks"] > 0 or counters["tick_1"] >= 0.95
    assert all(counters[name] >= 0 for name in figures[2:5])
    least, most = counters["min_max"]["tick_1"]
    assert least == most and abs(least - counters["tick_1"]) < 1e-4, "one round"
    return None


def peers_are_chosen():
    for peers, expected in (("none", {"takt", "one-thread"}),
                            ("best*", {"takt", "one-thread", "best-peer"}),
                            ("other-peer,absent", {"takt", "one-thread", "other-peer", "absent"})):
        result = Result(FAULTY, "run", "--json", "--rounds", "1", "--time", "1", "--peers", peers,
                        "right")
        assert result.status == 0, result.err
        assert set(result.rows()) == expected, peers


def failures():
    """Each fault is a failed row with its reason; the others are not touched by it."""
    result = Result(FAULTY, "run", "--json", "--rounds", "2", "--time", "1", "--limit", "2",
                    "--events", "none", "faults")
    assert result.status == 1, result.status
    rows = result.rows()
    check_row(rows.pop("good"), 2)
    check_row(rows.pop("later"), 2)
    good = rows.pop("x-good")
    check_row(good, 2)
    assert [good["latency_ns"][p] for p in PERCENTILES] == [1000, 1000, 1000, 9000, 9000]
    assert "not built" in rows.pop("x-not-built")["skipped"]
    assert "no-such-program" in rows.pop("x-no-program")["skipped"]
    reasons = {"wrong": "wrong result", "crash": "crashed: Aborted", "leave": "status 7",
               "hang": "no end within 2 s", "refuse": "Cannot allocate",
               "not-measured": "perf_begin", "x-wrong": "wrong result", "x-error": "rather not",
               "x-exit": "exit status 5", "x-hang": "no answer within 2 s",
               "x-babble": r"Hello\?", "x-no-sum": "answer", "x-bad-latency": "answer",
               "x-unasked": "asked|an answer that is none"}
    assert set(rows) == set(reasons), set(rows) ^ set(reasons)
    for name, reason in reasons.items():
        assert re.search(reason, rows[name].get("error", "")), rows[name]
        assert f"{name} FAILED: " in result.err, f"{name} failed in silence"
        assert "events_per_s" not in rows[name]


def failure_in_a_late_round():
    with tempfile.NamedTemporaryFile() as file:
        result = Result(FAULTY, "run", "--rounds", "9", "--time", "1", "--peers", "later", "faults",
                        env={"PERF_FAULTS_COUNT": file.name})
        assert os.path.getsize(file.name) == 4, "it was run again after it had failed"
    assert result.status == 1
    assert re.search(r"^! later +FAILED: wrong result", result.out, re.M), result.out


def threads_are_counted():
    result = Result(FAULTY, "run", "--json", "--rounds", "2", "--events", "task-clock", "counted")
    assert result.status == 0, result.err
    row = result.rows()["threads"]
    check_row(row, 2)
    if "missing" not in row["counters"]:
        threads = {thread["thread"]: thread["per_event"]["task-clock"]
                   for thread in row["counters"]["threads"]}
        assert set(threads) == {0, 1}, threads
        # Nanoseconds for each of 1,000 events. The first stands for the one that it started, too.
        assert 35000 <= threads[0] and 9000 <= threads[1], threads


def unwritable():
    result = Result(TAKT_PERF, "run", *MOMENT, "--hgrm", "/dev/null/x", "limit-batch")
    assert result.status == 1 and "/dev/null/x" in result.err
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([TAKT_PERF, "run", *MOMENT, "limit-batch"], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"standard output" in done.stderr


class Markup(HTMLParser):
    """Sees that every tag is closed, and that nothing is fetched from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert self.open in ([], ["html"]), self.open

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        assert tag not in ("script", "link", "img", "iframe"), tag
        assert not any(name in ("src", "srcset") for name, _ in attributes)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def page():
    """The page of make bench: what was lost or failed is on it, and it stands by itself."""
    with tempfile.TemporaryDirectory() as folder:
        lines, output = Path(folder, "lines"), Path(folder, "page.html")
        result = Result(FAULTY, "run", "--json", "--hgrm", folder, "--rounds", "2", "--time", "1",
                        "--peers", "best-peer,absent,wrong,x-good", "right", "faults", "counted")
        assert result.status == 1
        lines.write_text(result.out, encoding="utf-8")
        subprocess.run([sys.executable, "-B", REPORT, FAULTY, lines, folder, output], check=True,
                       stdout=subprocess.DEVNULL)
        text = output.read_text(encoding="utf-8")
    seen = Markup(text).seen
    assert seen.count("svg") >= 3, "bars of right, curves of right and faults"
    assert "0.25 behind" in text and "behind the best peer in: " in text
    assert "FAILED: wrong result" in text and "skipped: on purpose" in text
    for word in ("CPU", "kernel", "governor", "virtual", "commit", "prefers-color-scheme"):
        assert word in text, word


def main():
    tests = [usage, names, table, pinned, software_events, medians_and_ratios, changes,
             moves, peers_are_chosen, failures, failure_in_a_late_round, threads_are_counted, page,
             unwritable]
    points = [(test.__name__.replace("_", " "), test) for test in tests]
    everything = Everything()
    points += [("all scenarios end well", everything.ended_well),
               ("the page in a browser", everything.page)]
    points += [(name, lambda name=name: everything.check(name)) for name in scenarios(TAKT_PERF)]
    failed = 0
    print(f"1..{len(points)}")
    for number, (name, test) in enumerate(points, 1):
        try:
            said = test()
            print(f"ok {number} - {name}{f' ({said})' if said else ''}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()),
                  end="", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
