# SPDX-License-Identifier: MIT
"""Running takt-book and looking at what it wrote; the tests are in book_test.py."""
import json
import os
import subprocess
import sys

from points import TESTS, Skip, main, test  # noqa: F401: Skip, main and test are for the tests

TAKT_BOOK, ITCH_GEN = (os.path.abspath(path) for path in sys.argv[1:3])
BASELINE, PIPELINE = ['--baseline'], ['--workers', '2']
WAYS = [BASELINE] + [['--workers', n] for n in '1248'] + [
    ['--workers', n, '--redivide-every', '1000'] for n in '1248']


def both_ways(function):
    """A test that is run over the plain loop and over the pipeline."""
    for way in BASELINE, PIPELINE:
        name = '%s, %s' % (function.__name__.replace('_', ' '), way[0].strip('-'))
        TESTS.append((name, lambda way=way: function(way)))
    return function


def put(name, data):
    with open(name, 'wb') as file:
        file.write(data)
    return name


def get(name):
    with open(name, 'rb') as file:
        return file.read()


def takt_book(*arguments, stdin=b''):
    return subprocess.run([TAKT_BOOK, *arguments], input=stdin, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Run:
    """One run with both outputs and JSON."""

    def __init__(self, feed, *arguments, stdin=b'', status=0):
        for name in 'tape', 'trades':
            if os.path.exists(name):
                os.unlink(name)
        done = takt_book('--tape', 'tape', '--trades', 'trades', '--json', *arguments, feed,
                         stdin=stdin)
        self.errors = done.stderr.decode()
        assert done.returncode == status, 'status %d: %s' % (done.returncode, self.errors)
        self.json = json.loads(done.stdout)
        self.tape, self.trades = (get(n) if os.path.exists(n) else None for n in ('tape', 'trades'))


def same(what, got, wanted):
    if got == wanted:
        return
    if isinstance(got, bytes) and isinstance(wanted, bytes):
        lines = got.split(b'\n'), wanted.split(b'\n')
        at = next((i for i, (a, b) in enumerate(zip(*lines)) if a != b), min(map(len, lines)))
        got, wanted = ([at] + side[at:at + 1] for side in lines)
    raise AssertionError('%s: %r, and not %r' % (what, got, wanted))


def check(run, wanted):
    """Compares a run with a model."""
    same('tape', run.tape, '\n'.join(wanted.tape + ['']).encode())
    same('trades', run.trades, '\n'.join(wanted.trades + ['']).encode())
    for key in 'messages', 'orphans', 'clamped', 'duplicates', 'by_type':
        same(key, run.json[key], getattr(wanted, key))
    same('live orders', run.json['live_orders'], len(wanted.orders))
    same('rows', (run.json['tape_rows'], run.json['trades_rows']),
         (len(wanted.tape) - 1, len(wanted.trades) - 1))


def check_fault(run, feed, offset, reason, wanted=None):
    """The last line names feed, byte and reason; the tape has all that came before."""
    same('message', run.errors.splitlines()[-1],
         'takt-book: %s: byte %d: %s' % (feed, offset, reason))
    same('error', (run.json['error']['file'], run.json['error']['byte'],
                   run.json['error']['reason']), (feed, offset, reason))
    if wanted:
        check(run, wanted)


def generate(messages, seed=1):
    name = 'generated-%d-%d' % (messages, seed)
    if not os.path.exists(name):
        subprocess.run([ITCH_GEN, '--messages', str(messages), '--seed', str(seed), '--output',
                        name], check=True, timeout=120, stdout=subprocess.DEVNULL)
    return name
