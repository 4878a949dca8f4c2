# SPDX-License-Identifier: MIT
"""What holds for every Chrome trace that the library writes, whoever made the recording."""
import json

# Beside those that all have.
FIELDS = {'X': {'dur'}, 'C': {'args'}, 'M': {'args'}, 'i': {'s'}, 'b': {'id'}, 'e': {'id'}}
KNOWN = {'name', 'ph', 'pid', 'tid', 'ts', 'dur', 'cat', 'args', 's', 'id'}
TOP = {'displayTimeUnit', 'otherData', 'traceEvents'}


def check_format(path):
    """The file's events, each as the trace-event format wants it."""
    with open(path, encoding='utf-8') as file:
        trace = json.load(file)
    assert set(trace) == TOP, set(trace)
    events = trace['traceEvents']
    assert events
    for event in events:
        for field, kind in (('name', str), ('ph', str), ('pid', int), ('tid', int)):
            assert isinstance(event[field], kind), event
        assert isinstance(event['ts'], (int, float)) and event['ts'] >= 0, event
        assert FIELDS[event['ph']] <= set(event) <= KNOWN, event
        assert event.get('dur', 0) >= 0, event
        if event['ph'] == 'C':
            assert all(isinstance(value, (int, float)) for value in event['args'].values()), event
        if event['ph'] == 'i':
            assert event['s'] in ('g', 'p', 't'), event
    pairs = {}
    for event in events:
        if event['ph'] in 'be':
            pairs.setdefault((event['cat'], event['id'], event['name']), []).append(event)
    for begin, end in pairs.values():
        assert (begin['ph'], end['ph']) == ('b', 'e') and begin['ts'] <= end['ts'], (begin, end)
    return events


def tracks(events):
    """The names of the tracks, by number."""
    return {event['tid']: event['args']['name'] for event in events
            if event['name'] == 'thread_name'}


def check_nesting(events):
    """Slices of a track lie inside one another, or apart."""
    by_track = {}
    for event in events:
        if event['ph'] == 'X':
            by_track.setdefault(event['tid'], []).append((event['ts'], -event['dur']))
    assert by_track
    for slices in by_track.values():
        open_until = []
        for begin, minus in sorted(slices):
            end = begin - minus
            while open_until and open_until[-1] <= begin + 0.0011:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + 0.0011, (begin, end, open_until)
            open_until.append(end)


def sums(events, category, stage, value):
    """The sum of an argument, or of the durations, over a stage's slices of a category."""
    return sum(event['dur'] if value == 'dur' else event['args'][value] for event in events
               if event.get('cat') == category and event['name'] == stage)
