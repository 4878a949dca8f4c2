#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt-perf's lines of JSON as one self-contained page.

    perf/report.py TAKT_PERF LINES FOLDER OUTPUT

LINES is what `TAKT_PERF run --json --hgrm FOLDER` wrote; OUTPUT is the page. What the scenarios and
systems are is asked of the program itself. The page needs nothing from elsewhere, is readable in
light and dark, and says of every row in which takt is behind that it is.
"""

import html
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --back: #fdfdfc; --text: #1d2126; --dim: #667080; --line: #d9dde3;
  --takt: #0b62c4; --peer: #8a93a1; --limit: #c3c9d1; --bad: #b3261e; --good: #1b7a3d;
  --c0: #0b62c4; --c1: #c2570c; --c2: #1b7a3d; --c3: #8e3fa8; --c4: #a8323e; --c5: #5b6470; }
@media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e4e7eb; --dim: #98a2b0;
  --line: #333a43; --takt: #5aa7ff; --peer: #79828f; --limit: #4a525d; --bad: #ff8a80;
  --good: #6fd08c; --c0: #5aa7ff; --c1: #ffa45c; --c2: #6fd08c; --c3: #d694ee; --c4: #ff8a93;
  --c5: #aab3bf; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 0; }
p { margin: .3rem 0 .8rem; } .dim { color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--dim); font-weight: 500; white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.text { white-space: normal; }
tr.takt td:first-child { color: var(--takt); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
svg { display: block; max-width: 100%; height: auto; margin: .8rem 0; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .dim { fill: var(--dim); }
.bar.takt { fill: var(--takt); } .bar.peer { fill: var(--peer); } .bar.limit { fill: var(--limit); }
.spread { stroke: var(--text); stroke-width: 1.5; } .grid { stroke: var(--line); }
a { color: var(--takt); }
"""


def escape(text):
    return html.escape(str(text))


def first_line(path, otherwise="unknown"):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip().splitlines()[0]
    except (OSError, IndexError):
        return otherwise


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              cwd=Path(__file__).parent).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_field(name):
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def machine():
    """What one has to know of the machine to judge the figures."""
    flags = (cpu_field("flags") or cpu_field("Features")).split()
    hypervisor = output_of("systemd-detect-virt", "--vm") or first_line("/sys/hypervisor/type", "")
    container = output_of("systemd-detect-virt", "--container")
    product = first_line("/sys/class/dmi/id/product_name", "")
    virtual = "hypervisor" in flags or hypervisor not in ("", "none")
    cpu = "/sys/devices/system/cpu/cpu0/"
    caches = [f"L{first_line(index / 'level')} {first_line(index / 'size')}"
              for index in sorted(Path(cpu, "cache").glob("index*"))
              if first_line(index / "type") != "Instruction"]
    commit = output_of("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    if output_of("git", "status", "--porcelain", "--untracked-files=no"):
        commit += ", with changes that are not committed"
    return {
        "CPU": cpu_field("model name") or platform.machine(),
        "cores": f"{os.cpu_count()}, of which {len(os.sched_getaffinity(0))} may be used; threads "
                 f"of the first core: {first_line(cpu + 'topology/thread_siblings_list')}",
        "caches": ", ".join(caches) or "unknown",
        "virtual": f"yes: {' '.join(filter(None, (hypervisor, product))) or 'a hypervisor'}"
                   if virtual else "no",
        **({"container": container} if container not in ("", "none") else {}),
        "kernel": f"{platform.system()} {platform.release()}",
        "governor": first_line(cpu + "cpufreq/scaling_governor",
                               "none (no frequency scaling here)"),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def listing(program):
    """{scenario: about}, {system: (kind, about)} by takt-perf list"""
    scenarios, systems, into = {}, {}, None
    for line in subprocess.run([program, "list"], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        words = line.split()
        if line in ("scenarios", "systems"):
            into = line
        elif into == "scenarios" and words:
            scenarios[words[0]] = " ".join(words[1:])
        elif into == "systems" and words and words[0] != "skipped:":
            systems[words[0]] = words[1], " ".join(words[2:])
    return scenarios, systems


def figure(value, digits=3):
    if value is None:
        return ""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:.{digits}g}" if abs(value) < 10 ** digits else f"{value:.0f}"


def ratio_cell(row):
    ratio = row.get("ratio_to_best_peer")
    if ratio is None:
        return "<td></td>"
    word, kind = ("ahead", "good") if ratio >= 1 else ("behind", "bad")
    return f'<td class="{kind}">{ratio:.2f} {word}</td>'


class Scenario:
    def __init__(self, name, about, rows, kinds):
        self.name, self.about, self.rows, self.kinds = name, about, rows, kinds
        self.by_latency = name.startswith("chain-latency")  # the rate is given

    def kind(self, row):
        return self.kinds.get(row["system"], ("takt", ""))[0]

    def good(self):
        return [row for row in self.rows if "error" not in row and "skipped" not in row]

    def best(self, kind, key=lambda row: row["events_per_s"] or 0):
        return max((row for row in self.good() if self.kind(row) == kind), key=key, default=None)

    def ours(self):
        """The row that stands for takt, if one does."""
        return next((row for row in self.good() if row["system"] == "takt"), self.best("takt"))

    def latencies(self):
        return any("latency_ns" in row for row in self.good())

    def table(self):
        counted = []
        for row in self.good():
            for unit in ("per_event", "per_second"):
                counted += [(unit, name) for name in row["counters"].get(unit, {})
                            if (unit, name) not in counted]
        has_rate = any(row["events_per_s"] is not None for row in self.good())
        has_peer, has_single = (any(key in row for row in self.good())
                                for key in ("ratio_to_best_peer", "speedup_to_single"))
        head = ["system"] + (["M events/s", "least", "most"] if has_rate else [])
        head += ["to best peer"] * has_peer + ["to one thread"] * has_single + ["CPU %"]
        head += [f"{name}/{'event' if unit == 'per_event' else 's'}" for unit, name in counted]
        head += ["IPC"] if any("ipc" in row["counters"] for row in self.good()) else []
        head += ["p50 µs", "p90", "p99", "p99.9", "max"] if self.latencies() else []
        lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
        lines += [self.table_row(row, counted, has_rate, head) for row in self.rows]
        return f'<div class="scroll"><table>{"".join(lines)}</table></div>{self.own_figures()}'

    def own_figures(self):
        """What a system counts by itself, one line for each."""
        lines = []
        for row in self.good():
            own = [f"{name} {figure(value)}" for name, value in row["counters"].items()
                   if name not in ("cpu_percent", "ipc") and isinstance(value, (int, float))]
            if own:
                lines.append(f'{escape(row["system"])}: {escape(", ".join(own))}')
        return f'<p class="dim">{"<br/>".join(lines)}</p>' if lines else ""

    def table_row(self, row, counted, has_rate, head):
        name = f'<td title="{escape(self.kinds.get(row["system"], ("", ""))[1])}">' \
               f'{escape(row["system"])}</td>'
        for field, kind, word in (("error", "bad", "FAILED"), ("skipped", "dim", "skipped")):
            if field in row:
                return f'<tr>{name}<td class="text {kind}" colspan="{len(head) - 1}">{word}: ' \
                       f'{escape(row[field])}</td></tr>'
        cells = [name]
        if has_rate:
            cells += [f"<td>{figure((row[key] or 0) / 1e6, 4)}</td>"
                      for key in ("events_per_s", "min", "max")]
        if "to best peer" in head:
            cells.append(ratio_cell(row))
        if "to one thread" in head:
            cells.append(f"<td>{figure(row.get('speedup_to_single'))}</td>")
        counters = row["counters"]
        cells.append(f"<td>{figure(counters['cpu_percent'])}</td>")
        for unit, name in counted:
            mark = "~" if name in counters.get("scaled", []) else ""
            cells.append(f"<td>{mark}{figure(counters.get(unit, {}).get(name))}</td>")
        if "IPC" in head:
            cells.append(f"<td>{figure(counters.get('ipc'))}</td>")
        if self.latencies():
            latency = row.get("latency_ns", {})
            cells += [f"<td>{figure(latency[key] / 1e3, 4) if key in latency else ''}</td>"
                      for key in ("p50", "p90", "p99", "p99.9", "max")]
        return f'<tr class="{self.kind(row)}">{"".join(cells)}</tr>'

    def bars(self):
        """Medians as bars, the least and the most as a line across the bar's end. Where latency is
        measured at a given rate, the curves say more."""
        rows = [row for row in self.good() if row["events_per_s"]]
        if len(rows) < 2 or self.by_latency:
            return ""
        rows.sort(key=lambda row: -row["events_per_s"])
        left, width, step = 170, 560, 24
        scale = width / max(row["max"] for row in rows)
        parts = []
        for number, row in enumerate(rows):
            top = number * step
            low, mid, high = (left + row[key] * scale for key in ("min", "events_per_s", "max"))
            parts.append(
                f'<text x="{left - 8}" y="{top + 16}" text-anchor="end">{escape(row["system"])}'
                f'</text><rect class="bar {self.kind(row)}" x="{left}" y="{top + 5}" '
                f'width="{max(mid - left, 1):.1f}" height="14" rx="2"/>'
                f'<path class="spread" fill="none" d="M{low:.1f} {top + 12}H{high:.1f}'
                f'M{low:.1f} {top + 8}v8M{high:.1f} {top + 8}v8"/>'
                f'<text class="dim" x="{high + 6:.1f}" y="{top + 16}">'
                f'{figure(row["events_per_s"] / 1e6, 4)} M/s</text>')
        return f'<svg viewBox="0 0 {left + width + 90} {len(rows) * step}" role="img" ' \
               f'aria-label="events per second of {escape(self.name)}">{"".join(parts)}</svg>'

    def curves(self, folder):
        """Latency by percentile, both logarithmic, from the histograms' text."""
        found = {}
        for row in self.good():
            points = read_hgrm(Path(folder) / f"{self.name}-{row['system']}.hgrm")
            if points:
                found[row["system"]] = points
        return latency_svg(self.name, found) if found else ""


def read_hgrm(path):
    """[(1/(1-percentile), microseconds)]; the last line, of 100 %, has no place on the axis."""
    points = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[2:]
    except OSError:
        return points
    for line in lines:
        words = line.split()
        if len(words) == 4 and not line.startswith("#"):
            points.append((float(words[3]), max(float(words[0]), 0.01)))
    return points


def latency_svg(name, curves):
    left, top, width, height = 70, 10, 560, 260
    everything = [point for points in curves.values() for point in points]
    most_x = max(math.log10(max(x for x, _ in everything)), 1)
    low = math.floor(math.log10(min(y for _, y in everything)))
    high = max(math.ceil(math.log10(max(y for _, y in everything))), low + 1)

    def place(x, y):
        return (left + math.log10(x) / most_x * width,
                top + (high - math.log10(y)) / (high - low) * height)

    parts = []
    for power in range(low, high + 1):
        _, y = place(1, 10 ** power)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}h{width}"/><text class="dim" '
                     f'x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10 ** power:g} µs</text>')
    for nines in range(int(most_x) + 1):
        x, _ = place(10 ** nines, 10 ** low)
        label = "0 %" if nines == 0 else f"{100 - 100 / 10 ** nines:.{max(nines - 2, 0)}f} %"
        parts.append(f'<path class="grid" d="M{x:.1f} {top}v{height}"/><text class="dim" '
                     f'x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{label}</text>')
    dashes = ["", "6 3", "2 3"]
    for number, (system, points) in enumerate(curves.items()):
        style = f'stroke="var(--c{number % 6})" stroke-dasharray="{dashes[number // 6 % 3]}"'
        path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in points)
        y = top + 14 + 20 * number
        parts.append(f'<path d="M{path}" fill="none" stroke-width="2" {style}/><path '
                     f'd="M{left + width + 14} {y - 4}h22" stroke-width="2" {style}/>'
                     f'<text x="{left + width + 42}" y="{y}">{escape(system)}</text>')
    tall = max(top + height + 26, 24 + 20 * len(curves))
    return f'<svg viewBox="0 0 {left + width + 190} {tall}" role="img" ' \
           f'aria-label="latency by percentile of {escape(name)}">{"".join(parts)}</svg>'


def merit_cell(row, by_latency):
    if by_latency:
        return f"<td>p99 {figure(row['latency_ns']['p99'] / 1e3, 4)} µs</td>"
    return f"<td>{figure(row['events_per_s'] / 1e6, 4)}</td>"


def summary(scenarios):
    """One line for each scenario: takt, the best peer, the bare machine."""
    head = "".join(f"<th>{cell}</th>" for cell in
                   ("scenario", "takt, M events/s", "best peer", "", "to it", "bare machine",
                    "to it"))
    lines = []
    for scenario in scenarios:
        ours = scenario.ours()
        if not ours or not ours["events_per_s"]:
            continue
        by_latency = scenario.by_latency
        peer = scenario.best("peer", (lambda row: -row["latency_ns"]["p99"]) if by_latency
                             else (lambda row: row["events_per_s"] or 0))
        limit = None if by_latency else scenario.best("limit")
        cells = [f'<td><a href="#{escape(scenario.name)}">{escape(scenario.name)}</a></td>',
                 merit_cell(ours, by_latency)]
        if peer:
            cells += [merit_cell(peer, by_latency),
                      f'<td class="text">{escape(peer["system"])}</td>', ratio_cell(ours)]
        else:
            cells += ["<td></td>"] * 3
        cells += [f"<td>{figure(limit['events_per_s'] / 1e6, 4)}</td>",
                  f"<td>{ours['events_per_s'] / limit['events_per_s']:.2f}</td>"] if limit else \
                 ["<td></td>"] * 2
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def systems(scenarios):
    """What they are, and in which version."""
    kinds = scenarios[0].kinds
    used = dict.fromkeys(row["system"] for scenario in scenarios for row in scenario.rows)
    lines = "".join(f'<tr class="{kinds[name][0]}"><td>{escape(name)}</td>'
                    f'<td class="text">{escape(kinds[name][1])}</td></tr>'
                    for name in used if name in kinds)
    return f'<h2>Systems</h2><div class="scroll"><table>{lines}</table></div>'


def page(scenarios, folder, missing):
    behind = [f"{scenario.name} ({row['ratio_to_best_peer']:.2f})" for scenario in scenarios
              for row in [scenario.ours()] if row and row.get("ratio_to_best_peer", 1) < 1]
    failed = [f"{scenario.name} on {row['system']}" for scenario in scenarios
              for row in scenario.rows if "error" in row]
    facts = "".join(f'<tr><th class="text">{escape(key)}</th><td class="text">{escape(value)}</td>'
                    f"</tr>" for key, value in machine().items())
    parts = ["<!doctype html><html lang=en><meta charset=utf-8>"
             '<meta name=viewport content="width=device-width"><title>takt-perf</title>'
             f"<style>{STYLE}</style><h1>takt-perf</h1><table>{facts}</table>"]
    if missing:
        parts.append(f'<p class="dim">Not counted on this machine: {escape(missing)}.</p>')
    if failed:
        parts.append(f'<p class="bad">Failed: {escape(", ".join(failed))}.</p>')
    if behind:
        parts.append('<p>takt is behind the best peer in: '
                     f'<span class="bad">{escape(", ".join(behind))}</span>.</p>')
    parts.append('<p class="dim">Medians of rounds in which the systems take turns; the least and '
                 'the most beside them and as the line on each bar. "To best peer" above 1 is '
                 "ahead; where the rate is given it compares the 99th percentiles. A ~ stands at "
                 "counts that are scaled up because the counter was not on all the time. CPU % "
                 "counts all threads.</p>")
    parts.append(summary(scenarios))
    for scenario in scenarios:
        parts.append(f'<h2 id="{escape(scenario.name)}">{escape(scenario.name)}</h2>'
                     f"<p>{escape(scenario.about)}</p>{scenario.bars()}{scenario.table()}"
                     f"{scenario.curves(folder)}")
    parts.append(systems(scenarios))
    return "\n".join(parts) + "\n"


def main(program, lines, folder, output):
    rows = [json.loads(line) for line in Path(lines).read_text(encoding="utf-8").splitlines()]
    if not rows:
        sys.exit(f"report.py: {lines} is empty: no run to report")
    abouts, kinds = listing(program)
    names = list(dict.fromkeys(row["scenario"] for row in rows))
    scenarios = [Scenario(name, abouts.get(name, ""),
                          [row for row in rows if row["scenario"] == name], kinds)
                 for name in names]
    missing = next((row["counters"]["missing"] for row in rows
                    if "missing" in row.get("counters", {})), "")
    part = Path(output).with_suffix(".part")
    part.write_text(page(scenarios, folder, missing), encoding="utf-8")
    part.rename(output)
    print(f"takt: {output}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: perf/report.py TAKT_PERF LINES FOLDER OUTPUT")
    main(*sys.argv[1:])
