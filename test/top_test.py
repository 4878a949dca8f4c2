#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt-top: top_test.py TAKT_TOP OBSERVED

Attached to a pipeline that runs (`observed serve`), to one whose process was killed or stopped, and
to files that are no counters files. The OpenMetrics text is read by prometheus_client's parser.
"""
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

from points import Skip, main, test

TAKT_TOP, OBSERVED = (os.path.abspath(path) for path in sys.argv[1:3])
# Another Python may stand before the system's, whose packages apt installs.
sys.path.append('/usr/lib/python3/dist-packages')
FOLDER = tempfile.TemporaryDirectory()
FILE = os.path.join(FOLDER.name, 'counters')


def top(*arguments, status=0, timeout=60):
    done = subprocess.run([TAKT_TOP, *arguments], timeout=timeout, capture_output=True, text=True,
                          env={**os.environ, 'LC_ALL': 'C', 'COLUMNS': '140'}, check=False)
    assert done.returncode == status, f'status {done.returncode}: {done.stderr}'
    return done.stdout if status == 0 else done.stderr


class Served:
    """A process with a pipeline that runs."""

    def __enter__(self):
        self.process = subprocess.Popen([OBSERVED, 'serve', FILE], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == 'open 0\n'
        return self

    def rest(self):
        """Drains the pipeline: its own {stage: (events, busy, backlog)}, and the cursor."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        stages = {words[i]: tuple(map(int, words[i + 1:i + 4]))
                  for i in range(0, len(words) - 1, 4)}
        return stages, int(words[-1])

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def wait_for_events():
    """The JSON of a moment in which events have flowed."""
    for _ in range(200):
        data = json.loads(top('--json', FILE))
        if data['pipelines'] and data['pipelines'][0]['stages'][2]['events'] > 0:
            return data
        time.sleep(0.05)
    raise AssertionError(f'nothing flows: {data}')


@test
def figures_agree_with_the_snapshot():
    with Served() as served:
        wait_for_events()
        stages, cursor = served.rest()
        data = json.loads(top('--json', FILE))
        pipeline = data['pipelines'][0]
        assert pipeline['cursor'] == cursor, (pipeline['cursor'], cursor)
        for stage in pipeline['stages']:
            found = stage['events'], stage['busy_ns'], stage['backlog']
            assert found == stages[stage['name']], (stage, stages)
        assert pipeline['dropped_newest'] > 0, pipeline
        assert pipeline['dropped_oldest'] == pipeline['refused'] == pipeline['waiting'] == 0
        text = top('--once', FILE)
        assert f"{pipeline['dropped_newest']} newest" in text, text
        for name, (events, _, _) in stages.items():
            row = next(line.split() for line in text.splitlines() if line.split()[:1] == [name])
            unit = {'k': 1e3, 'M': 1e6, 'G': 1e9}.get(row[1][-1], 1)
            shown = float(row[1].rstrip('kMG')) * unit
            rounding = 0.06 * unit + unit * (shown >= 99.95 * unit)
            assert abs(shown - events) <= rounding, (row, events)


@test
def a_running_pipeline_moves():
    with Served():
        first = wait_for_events()
        second = json.loads(top('--json', FILE))
        assert second['writer'] == 'alive' and second['whole']
        assert second['writes'] > first['writes']
        old, new = (data['pipelines'][0]['stages'] for data in (first, second))
        assert all(b['events'] > a['events'] for a, b in zip(old, new)), (old, new)
        assert all(stage['events_per_second'] > 0 for stage in new)
        assert [stage['after'] for stage in new] == [[], [0], [1]]
        assert len(second['workers']) == 2
        assert sum(w['events'] for w in second['workers']) > 0


@test
def the_picture_has_stages_and_workers():
    with Served():
        wait_for_events()
        text = top('--once', FILE)
        for word in ('pipeline served', 'running', 'source', 'middle', 'last', 'worker', 'sits at',
                     'events/s'):
            assert word in text, text
        assert text.isascii()


@test
def openmetrics_is_read_by_another_parser():
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        raise Skip('python3-prometheus-client is not installed')
    with Served() as served:
        wait_for_events()
        stages, cursor = served.rest()
        families = {family.name: family
                    for family in text_string_to_metric_families(top('--openmetrics', FILE))}
    assert families['takt_up'].samples[0].value == 1
    assert families['takt_pipeline_published'].samples[0].value == cursor + 1
    assert families['takt_pipeline_dropped_newest'].samples[0].value > 0
    assert families['takt_pipeline_dropped_oldest'].samples[0].value == 0
    assert families['takt_pipeline_waiting_events'].type == 'gauge'
    events = families['takt_stage_events']
    assert events.type == 'counter'
    found = {sample.labels['stage']: sample.value for sample in events.samples}
    assert found == {name: figures[0] for name, figures in stages.items()}
    busy = {sample.labels['stage']: sample.value
            for sample in families['takt_stage_busy_seconds'].samples}
    for name, figures in stages.items():
        assert abs(busy[name] - figures[1] * 1e-9) < 1e-6
    assert len(families['takt_worker_busy_seconds'].samples) == 2


@test
def a_process_that_ended_has_closed_its_file():
    with Served():
        wait_for_events()
    text = top('--once', FILE)
    assert 'closed the file' in text and 'gone' in text, text
    assert json.loads(top('--json', FILE))['writer'] == 'closed'
    assert 'takt_up 0' in top('--openmetrics', FILE)


@test
def a_killed_process_is_said_to_have_died():
    with Served() as served:
        wait_for_events()
        served.process.kill()
        served.process.wait()
        begun = time.monotonic()
        text = top('--once', FILE, timeout=30)
        assert 'died without closing the file' in text, text
        assert 'middle' in text
        assert json.loads(top('--json', FILE))['writer'] == 'died'
        assert time.monotonic() - begun < 25


@test
def a_stopped_process_is_said_to_be_silent():
    with Served() as served:
        wait_for_events()
        served.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(2.5)
            text = top('--once', FILE, timeout=30)
            assert 'has written nothing for' in text, text
        finally:
            served.process.send_signal(signal.SIGCONT)


@test
def a_writer_that_died_in_the_middle_leaves_figures_all_the_same():
    with Served() as served:
        wait_for_events()
        served.process.kill()
        served.process.wait()
    lock_at = 8 + 8 * 4 + 3 * 8 + 5 * 8  # see docs/observability.md
    with open(FILE, 'r+b') as file:
        file.seek(lock_at)
        lock, = struct.unpack('q', file.read(8))
        file.seek(lock_at)
        file.write(struct.pack('q', lock | 1))
    text = top('--once', FILE, timeout=30)
    assert 'in the middle of writing' in text, text


@test
def other_files_are_refused():
    with Served():
        wait_for_events()
    with open(FILE, 'rb') as file:
        good = file.read()
    bad = {'empty': b'', 'short': good[:100], 'text': b'hello\n' * 1000,
           'cut': good[:len(good) // 2],
           'version': good[:8] + struct.pack('I', 99) + good[12:],
           'workers': good[:28] + struct.pack('I', 1 << 30) + good[32:],
           'offset': good[:40] + struct.pack('Q', 1 << 60) + good[48:]}
    for name, data in bad.items():
        path = os.path.join(FOLDER.name, name)
        with open(path, 'wb') as file:
            file.write(data)
        error = top('--once', path, status=1)
        assert error.startswith(f'takt-top: {path}: '), (name, error)
    assert 'No such file' in top('--json', os.path.join(FOLDER.name, 'none'), status=1)


@test
def the_command_line_is_checked():
    assert 'Usage' in top('--help')
    for wrong in ([], ['--once'], ['--once', '--json', FILE], ['--what', FILE], [FILE, FILE]):
        assert 'takt-top --help' in top(*wrong, status=2)


if __name__ == '__main__':
    sys.exit(main())
