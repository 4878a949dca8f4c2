#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What takt-sim and takt-perf draw: the pages in a headless Chromium, and the Chrome traces.

    drawn_test.py TAKT_SIM [TAKT_PERF]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from browser import PATIENCE, Browser
from chrome_trace import check_format, check_nesting, sums, tracks
from points import Skip, main, test

TAKT_SIM = os.path.abspath(sys.argv[1])
TAKT_PERF = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
FOLDER = tempfile.TemporaryDirectory()
MOMENT = ['--peers', 'none', '--rounds', '1', '--time', '20', '--events', 'none']


def inside(name):
    return os.path.join(FOLDER.name, name)


def run(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == status, done
    return done


def simulate(workload, workers, policy):
    """A recorded run: its figures, its page, its trace. Made once."""
    name = inside(f'{workload}-{workers}-{policy}')
    if not os.path.exists(name):
        done = run(TAKT_SIM, '--workload', workload, '--workers', str(workers), '--policy', policy,
                   '--json', '--report', f'{name}.html', '--trace', f'{name}.json')
        with open(name, 'w', encoding='utf-8') as file:
            file.write(done.stdout)
    with open(name, encoding='utf-8') as file:
        return json.load(file), f'{name}.html', f'{name}.json'


def page_data(page):
    with open(page, encoding='utf-8') as file:
        return json.loads(re.search(r'id="data">(.*?)</script>', file.read(), re.S)[1])


class Page:
    """A page in a browser of its own, which shall not complain."""

    def __init__(self, path):
        self.path, self.browser = path, Browser()

    def __enter__(self):
        try:
            self.taken = self.browser.open(self.path)
        except BaseException:
            self.browser.close()
            raise
        return self.browser

    def __exit__(self, *error):
        try:
            if error[0] is None:
                assert self.browser.complaints() == [], self.browser.complaints()
        finally:
            self.browser.close()


def check_page(browser, stages, edges):
    boxes = browser.value('[...document.querySelectorAll("#graph g.stage .name")]'
                          '.map((e) => e.textContent)')
    assert boxes == stages, boxes
    assert browser.value('document.querySelectorAll("#graph path.edge").length') == edges
    assert browser.value('document.getElementById("legend").children.length') == len(stages) + 2
    text = browser.value('document.getElementById("graph").textContent')
    assert text.count('events/s') == text.count('for an event') == len(stages), text
    for canvas in 'lanes', 'bands', 'decisions', 'axis':
        assert browser.colours(canvas) > 3, canvas


@test
def a_simulated_run_opens_without_a_word():
    with Page(simulate('diamond', 4, 'demand')[1]) as browser:
        check_page(browser, ['a', 'b', 'c', 'd'], 4)
        head = browser.value('document.querySelector("h1").textContent')
        assert head == 'takt-sim: diamond, 4 workers, policy demand', head
        assert 'virtual time' in browser.value('document.getElementById("summary").textContent')


@test
def zooming_changes_what_is_shown_of_a_simulated_run():
    with Page(simulate('moving', 4, 'demand')[1]) as browser:
        picture = 'document.getElementById("{}").toDataURL()'
        whole = browser.view()
        before = {name: browser.value(picture.format(name)) for name in ('lanes', 'bands', 'axis')}
        box = browser.place('lanes')
        browser.mouse('mouseWheel', box['x'] + box['width'] * 0.6, box['y'] + 10, deltaX=0,
                      deltaY=-600)
        browser.frame()
        zoomed = browser.view()
        assert zoomed[1] - zoomed[0] < 0.5 * (whole[1] - whole[0]), (whole, zoomed)
        for name, shown in before.items():
            assert browser.value(picture.format(name)) != shown, name


@test
def hovering_a_simulated_decision_tells_its_quotients():
    with Page(simulate('moving', 4, 'demand')[1]) as browser:
        told = browser.find_decision()
        assert re.search(r'V/1\s+V/2\s+V/3', told) and 'highest 4' in told, told
        seats = 0
        for name in 'abcd':
            row = re.search(rf'^{name}((?:\s+[\d.e+-]+)+)\s+[\d.]+( [kMG])?/s', told, re.M)
            quotients = [float(word) for word in row[1].split()]
            seats += quotients.pop()
            for k, quotient in enumerate(quotients, 1):
                assert abs(quotients[0] / k - quotient) <= 0.01 * quotients[0], told
        assert seats == 4, told
        for canvas, pattern in ('lanes', r'^worker \d, .*(seats in|for \d|looking)'), \
                               ('bands', r'shards'):
            box = browser.place(canvas)
            browser.mouse('mouseMoved', box['x'] + box['width'] * 0.7, box['y'] + 12)
            assert re.search(pattern, browser.tip(), re.S), (canvas, browser.tip())


@test
def two_policies_can_be_told_apart():
    widths = {}
    for policy in 'demand', 'fixed':
        data = page_data(simulate('moving', 4, policy)[1])
        widths[policy] = [stage['most'] for stage in data['stages']]
        assert bool(data['cuts']) == (policy == 'demand'), policy
    assert widths['fixed'] == [1, 1, 1, 1] and widths['demand'][1] >= 4, widths


@test
def the_trace_of_a_simulated_run_keeps_to_the_format():
    for workload, policy in ('moving', 'demand'), ('keyed', 'demand'), ('burst', 'latency'):
        figures, page, trace = simulate(workload, 4, policy)
        data, events = page_data(page), check_format(trace)
        check_nesting(events)
        names = sorted(tracks(events).values())
        assert names == ['scheduler'] + [f'worker {i}' for i in range(1, 5)], names
        assert {event['name'] for event in events if event['ph'] == 'C'} == \
               {stage['name'] for stage in data['stages']}
        for stage in data['stages']:
            assert stage['events'] > 0
            assert sums(events, 'batch', stage['name'], 'events') == stage['events'], stage
            assert sums(events, 'seat', stage['name'], 'events') == stage['events'], stage
        busy = sum(event['dur'] for event in events if event.get('cat') == 'batch')
        part = busy * 1000 / (4 * data['length'])
        assert abs(part - figures['busy']) < 0.02, (workload, part, figures['busy'])


@test
def a_thousand_workers_are_summed_up():
    figures, page, trace = simulate('moving', 1024, 'demand')
    data, events = page_data(page), check_format(trace)
    check_nesting(events)
    assert data['merged'] > 0 and os.path.getsize(page) < 20e6, (data['merged'], page)
    time = sum(event['dur'] for event in events if event.get('cat') == 'seat') * 1000
    for stage in data['stages']:
        assert sums(events, 'seat', stage['name'], 'events') == stage['events'], stage
    # A seat is a little longer than the batches in it.
    assert 0 <= time / (1024 * data['length']) - figures['busy'] < 0.02, (time, figures)
    shown = Page(page)
    with shown as browser:
        print(f'# 1,024 workers are drawn {shown.taken:.0f} ms after the page was asked for')
        check_page(browser, ['a', 'b', 'c', 'd'], 3)
        text = browser.value('document.getElementById("summary").textContent')
        assert 'added up' in text and 'lane is for 4 workers' in text, text
        box = browser.place('lanes')
        assert box['height'] < 2000, box
        browser.mouse('mouseMoved', box['x'] + box['width'] * 0.7, box['y'] + box['height'] / 2 + 1)
        assert 'w. 513 – 516' in browser.tip(), browser.tip()


@test
def recording_changes_nothing_of_a_simulation():
    for workload, workers in ('moving', 4), ('on-off', 16):
        alone = run(TAKT_SIM, '--workload', workload, '--workers', str(workers), '--policy',
                    'demand', '--json').stdout
        assert json.loads(alone) == simulate(workload, workers, 'demand')[0]


@test
def what_takt_sim_cannot_draw_is_an_error():
    one = ['--workload', 'moving', '--workers', '2', '--policy', 'demand']
    for arguments in one[:4], one[:2] + one[4:], one[2:] + ['--suite', 'standard']:
        said = run(TAKT_SIM, *arguments, '--report', inside('x.html'), status=2).stderr
        assert 'of one run' in said, said
    assert '.html' in run(TAKT_SIM, *one, '--report', inside('x.json'), status=2).stderr
    assert '.html' in run(TAKT_SIM, *one, '--trace', inside('x.html'), status=2).stderr
    for option, path in ('--report', '/nowhere/x.html'), ('--trace', '/nowhere/x.json'):
        said = run(TAKT_SIM, *one, option, path, status=1).stderr
        assert path in said and 'No such file' in said, said
    assert not os.path.exists(inside('x.html')) and not os.path.exists(inside('x.json'))


def needs_perf():
    if not TAKT_PERF:
        raise Skip('takt-perf is not built')


@test
def takt_perf_records_pipelines():
    needs_perf()
    for scenario, stages in (('stages-skewed', 'source one two three four order'),
                             ('chain-latency-200k', 'one two three four'),
                             ('keyed', 'source wide sink'), ('redivide', 'source wide sink'),
                             ('trace-cost', 'source one two three four order')):
        page, trace = inside(f'{scenario}.html'), inside(f'{scenario}.json')
        run(TAKT_PERF, 'run', *MOMENT, '--report', page, '--trace', trace, scenario)
        data, events, names = page_data(page), check_format(trace), stages.split()
        check_nesting(events)
        assert [stage['name'] for stage in data['stages']] == names, scenario
        handled = {sums(events, 'batch', name, 'events') for name in names}
        assert len(handled) == 1 and handled.pop() > 0, handled


@test
def the_page_of_takt_perf_opens_without_a_word():
    needs_perf()
    page = inside('perf.html')
    run(TAKT_PERF, 'run', *MOMENT, '--time', '100', '--report', page, 'stages-skewed')
    with Page(page) as browser:
        check_page(browser, ['source', 'one', 'two', 'three', 'four', 'order'], 5)


@test
def takt_perf_records_a_run_of_the_book():
    needs_perf()
    page, trace = inside('book.html'), inside('book.json')
    done = run(TAKT_PERF, 'run', *MOMENT, '--report', page, '--trace', trace, '--json', 'book')
    if any('skipped' in json.loads(line) for line in done.stdout.splitlines()):
        raise Skip('takt-book is not built')
    check_nesting(check_format(trace))
    names = [stage['name'] for stage in page_data(page)['stages']]
    assert names == ['source', 'decode', 'book', 'format', 'tape'], names


@test
def what_takt_perf_cannot_record_is_an_error():
    needs_perf()
    path = inside('y.json')
    for scenarios, why in ((['unicast'], r'unicast has no pipeline.* these have:.* stages-skewed'),
                           (['limit-loop'], 'has no pipeline'), (['stages-*'], 'one scenario'),
                           ([], 'one scenario')):
        said = run(TAKT_PERF, 'run', '--trace', path, *scenarios, status=2).stderr
        assert re.search(why, said), said
    for option, name in ('--trace', 'y.html'), ('--report', 'y.json'):
        assert '.html' in run(TAKT_PERF, 'run', option, inside(name), 'keyed', status=2).stderr
    done = run(TAKT_PERF, 'run', *MOMENT, '--json', '--trace', '/nowhere/y.json', 'stages-cheap',
               status=1)
    assert '/nowhere/y.json: No such file' in done.stderr and 'not recorded' in done.stderr
    assert all('error' not in json.loads(line) for line in done.stdout.splitlines()), done.stdout
    assert not os.path.exists(path)


if __name__ == '__main__':
    sys.exit(main())
