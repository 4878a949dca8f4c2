#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/redivision.svg, which the schedule explorer's frames are drawn as:

    frames_test.py SIM_EXPLORER

The picture is made again and compared with the one that is checked in; and what it tells is looked
for in the frames.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from points import main, test

EXPLORER = os.path.abspath(sys.argv[1])
ROOT = Path(__file__).resolve().parent.parent
PICTURE, DRAW = ROOT / 'docs/redivision.svg', ROOT / 'tools/frames.py'
FOLDER = tempfile.TemporaryDirectory()
PATIENCE = 100
RENEW = """docs/redivision.svg is not what the explorer and tools/frames.py make now, from line {}.
If the new picture tells the change of a division as well, look at it and check it in:
    build/test/sim_explorer --case cut_round --frames build/redivision.json
    tools/frames.py build/redivision.json docs/redivision.svg"""


def inside(name):
    return os.path.join(FOLDER.name, name)


def explore(*options):
    return subprocess.run([EXPLORER, *options], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)


def frames_of(*options):
    done = explore('--case', 'cut_round', '--frames', inside('run.json'), *options)
    assert done.returncode == 0, done
    with open(inside('run.json'), encoding='utf-8') as file:
        return json.load(file)


def draw(run):
    """The picture of a run, or None and what is said instead."""
    with open(inside('to_draw.json'), 'w', encoding='utf-8') as file:
        json.dump(run, file)
    done = subprocess.run([sys.executable, '-B', DRAW, inside('to_draw.json'), inside('new.svg')],
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        return None, done.stderr
    with open(inside('new.svg'), encoding='utf-8') as file:
        return file.read(), done.stderr


def owners(frame, division):
    return {shard['owner'] for shard in frame['divisions'][division]['shards']} & {1, 2}


@test
def the_picture_is_the_one_of_the_run():
    new, said = draw(frames_of())
    assert new, said
    old = PICTURE.read_text(encoding='utf-8')
    same = os.path.commonprefix([new.splitlines(), old.splitlines()])
    assert new == old, RENEW.format(len(same) + 1)


@test
def the_run_has_all_of_a_change():
    run = frames_of()
    frames = run['frames']
    cuts = [frame['divisions'][0]['cut'] for frame in frames]
    tentative = next(cut for cut in cuts if cut is not None)
    assert tentative < cuts[-1], 'the tentative cut is not raised'
    assert any(shard['wanted'] for frame in frames for shard in frame['divisions'][0]['shards'])
    assert any(owners(frame, 0) and owners(frame, 1) and owners(frame, 0) != owners(frame, 1)
               for frame in frames), 'old and new shards are never at work side by side'
    handled = {}
    for frame in frames:
        for slot in frame['slots']:
            if slot['handled']:
                handled[slot['sequence']] = slot['shards'], slot['shard']
    for sequence in range(run['events']):
        width = 2 if sequence < cuts[-1] else 3
        assert handled[sequence] == (width, sequence // run['block'] % width), sequence


@test
def frames_come_one_by_one():
    frames = frames_of()['frames']
    assert len(frames) > 60
    for before, after in zip(frames, frames[1:]):
        assert after['step'] >= before['step']
        assert {**before, 'step': 0, 'thread': ''} != {**after, 'step': 0, 'thread': ''}
        assert after['cursor'] - before['cursor'] in (0, 1), 'an event was published unseen'
        assert after['cursor'] - after['output'] <= len(after['slots'])


@test
def the_picture_follows_the_frames():
    run = frames_of()
    whole, _ = draw(run)
    other = json.loads(json.dumps(run))
    for frame in other['frames']:
        for division in frame['divisions']:
            for shard in division['shards']:
                shard['owner'] = {1: 2, 2: 1}.get(shard['owner'], shard['owner'])
    exchanged, said = draw(other)
    assert exchanged and exchanged != whole, said
    middle = next(i for i, frame in enumerate(run['frames']) if frame['current'] == 1)
    for bad in ({**run, 'frames': run['frames'][:middle]},
                {**run, 'frames': run['frames'][middle:]},
                {**run, 'failed': True}, {**run, 'events': 400}, {'case': 'none'}):
        picture, said = draw(bad)
        assert picture is None and 'frames.py: ' in said and 'Traceback' not in said, said


@test
def other_schedules_can_be_drawn():
    pictures = {PICTURE.read_text(encoding='utf-8')}
    for list_ in '300=1', '180=1,562=2', '307=3,797=2,1154=1':
        picture, said = draw(frames_of('--replay', list_))
        assert picture, (list_, said)
        pictures.add(picture)
    assert len(pictures) > 2, 'whatever the schedule is, the picture is the same'


@test
def the_picture_stands_alone():
    text = PICTURE.read_text(encoding='utf-8')
    assert len(text.encode()) < 300000
    root = ET.fromstring(text)
    kinds = {element.tag.split('}')[1] for element in root.iter()}
    assert kinds <= {'svg', 'title', 'desc', 'style', 'g', 'rect', 'circle', 'path', 'text'}, kinds
    addresses = set(re.findall(r'\w+://[^"\s]+', text))
    assert addresses == {'http://' + 'www.w3.org/2000/svg'}, addresses
    assert 'href' not in text and '@import' not in text and 'url(' not in text
    for rule in 'prefers-color-scheme:dark', 'prefers-reduced-motion:reduce', '@media print':
        assert rule in text, rule
    named = set(re.findall(r'animation-name:([\w-]+)', text))
    assert named == set(re.findall(r'@keyframes ([\w-]+)', text)) and len(named) > 50
    # Where nothing moves one scene is seen, and one only.
    shown = [''.join(element.itertext()) for group in root if group.get('visibility') != 'hidden'
             for element in group.iter() if element.tag.endswith('}text')]
    heads = [line for line in shown if re.match(r'frame \d+ of \d+$', line)]
    assert len(heads) == 1 and any('side by side' in line for line in shown), heads


@test
def what_cannot_be_done_is_said():
    for options, reason in (
            (('--case', 'cut_round', '--frames', '/nowhere/file'), 'No such file'),
            (('--case', 'cut_grow', '--frames', inside('none')), 'does not show itself'),
            (('--case', 'no_such_case', '--frames', inside('none')), '--case')):
        done = explore(*options)
        assert done.returncode == 2 and reason in done.stderr, done


if __name__ == '__main__':
    sys.exit(main())
