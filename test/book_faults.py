# SPDX-License-Identifier: MIT
"""What takt-book does with bad feeds, bad outputs and bad command lines."""
import gzip
import os
import subprocess

import book_model as model
from book_harness import (TAKT_BOOK, Run, both_ways, check, check_fault, generate, get, put, same,
                          takt_book, test)


def hostile(tail):
    """A feed of which only the tail is bad: its bytes, the tail's offset, the model up to it."""
    data = model.random_itch(5000, 7)
    return put('feed', data + tail), len(data), model.model_itch(data)


LENGTH = 'the length does not fit the message'
TYPE = 'no such message type'
FIELD = 'a field has a value that it may not have'
CUT = 'the feed ends inside this message'
FORMAT = "this is not in the feed's format"
EMPTY = 'the feed has no message'
GZIP = 'the compressed data are damaged or incomplete'


@both_ways
def the_last_message_is_cut_off(way):
    whole = model.add(1, 5, 77, b'B', 100, 10000)
    for length in range(1, len(whole)):
        if length < 4 or length % 9 == 0 or length == len(whole) - 1:
            feed, at, wanted = hostile(whole[:length])
            check_fault(Run(feed, *way, status=1), feed, at, CUT, wanted)


@both_ways
def bad_messages(way):
    good = model.add(1, 5, 77, b'B', 100, 10000)
    tails = {
        model.frame(good[2:] + b'x'): LENGTH,
        model.frame(good[2:-1]): LENGTH,
        model.frame(b'D' * 200): LENGTH,
        b'MZ' + bytes(100): LENGTH,
        model.frame(b'z' + good[3:]): TYPE,
        model.frame(b'D'): LENGTH,
        model.add(1, 5, 77, b'b', 100, 10000): FIELD,
        model.add(1, 5, 77, b'B', 100, 2 ** 31): FIELD,
        b'\0\0' + good: LENGTH,
    }
    for tail, reason in tails.items():
        for rest in b'', good * 3, model.frame(b'z'), good[:9]:
            feed, at, wanted = hostile(tail + rest)
            check_fault(Run(feed, *way, status=1), feed, at, reason, wanted)


@both_ways
def bad_lobster_lines(way):
    data = model.random_lobster(3000, 8)
    wanted = model.model_lobster(data, 'X')
    tails = {
        b'34300.1,1,5,100,10000,1,9\n': FORMAT,
        b'\n': FORMAT,
        b'34300.1,9,5,100,10000,1\n': TYPE,
        b'34300.1,1,5,100,10000,2\n': FIELD,
        b'34300.1,1,5,5000000000,10000,1\n': FIELD,
        b'34300.1,1,5,100,3000000000,1\n': FIELD,
        b'999999999,1,5,100,10000,1\n': FIELD,
        b'34300.1,1,5,': CUT,
        b'34300.1,1,' + b'5' * 300: LENGTH,
    }
    for tail, reason in tails.items():
        feed = put('X_1.csv', data + tail)
        check_fault(Run(feed, *way, status=1), feed, len(data), reason, wanted)


@both_ways
def files_that_are_no_such_feed(way):
    itch, lobster = put('itch', model.random_itch(100, 1)), put('lob', model.random_lobster(9, 1))
    nothing, none = put('empty', b''), model.Model()
    for feed, arguments, reason in (
            (itch, ['--format', 'lobster'], FORMAT), (lobster, ['--format', 'itch50'], FORMAT),
            (put('picture', b'\x89PNG\r\n\x1a\n' + bytes(99)), [], FORMAT),
            (nothing, [], EMPTY), (nothing, ['--format', 'lobster'], EMPTY),
            (put('empty.gz', gzip.compress(b'')), [], EMPTY),
            ('.', [], 'cannot be read: Is a directory')):
        check_fault(Run(feed, *arguments, *way, status=1), feed, 0, reason, none)
    check_fault(Run('-', *way, status=1), 'standard input', 0, EMPTY, none)
    run = Run('missing', *way, status=1)
    check_fault(run, 'missing', 0, 'cannot be read: No such file or directory')
    assert run.tape is None
    run = Run(lobster, '--init', 'missing', *way, status=1)
    check_fault(run, 'missing', 0, 'cannot be read: No such file or directory')
    check_fault(Run(lobster, '--init', nothing, *way, status=1), nothing, 0, EMPTY)
    check_fault(Run(lobster, '--init', lobster, *way, status=1), lobster, 0, FORMAT)


@both_ways
def damaged_gzip(way):
    data = model.random_itch(20000, 9)
    wanted = '\n'.join(model.model_itch(data).tape + ['']).encode()
    packed = gzip.compress(data, 6)
    half = len(packed) // 2
    flipped = packed[:half] + bytes([packed[half] ^ 255] * 50) + packed[half + 50:]
    for bad, whole in ((packed[:half], False), (packed[:-1], True), (packed + b'trailing', True),
                       (packed[:-8] + bytes(8), True), (flipped, False)):
        run = Run(put('feed.gz', bad), *way, status=1)
        reason = run.json['error']['reason']
        assert run.tape == wanted if whole else len(run.tape) > 99 and reason != CUT, run.errors
        # What a flipped bit unpacks to may be found bad before the damage itself is.
        if bad != flipped:
            assert wanted.startswith(run.tape), 'the tape differs before the damage'
            check_fault(run, 'feed.gz', run.json['error']['byte'], GZIP)
            assert half - 20 <= run.json['error']['byte'] <= len(bad), run.json
    feed = put('cut.gz', gzip.compress(data + b'\0\x13D'))
    check_fault(Run(feed, *way, status=1), feed, len(data), CUT + ' (byte of the unpacked feed)',
                model.model_itch(data))


@both_ways
def outputs_that_cannot_be_written(way):
    small, large = put('small', model.random_itch(100, 1)), generate(50000, 4)
    full = 'cannot be written: No space left on device'
    for feed in small, large:
        for option in '--tape', '--trades':
            done = takt_book(*way, option, '/dev/full', feed)
            same('status', done.returncode, 1)
            same('message', done.stderr.decode().splitlines()[-1],
                 'takt-book: /dev/full: byte 0: ' + full)
        done = takt_book(*way, '--tape', '-', '--trades', 'no/such', feed)
        same('status', done.returncode, 1)
        same('message', done.stderr.decode(),
             'takt-book: no/such: byte 0: cannot be written: No such file or directory\n')
    with open('/dev/full', 'wb') as out:
        done = subprocess.run([TAKT_BOOK, *way, '--json', small], stdout=out,
                              stderr=subprocess.PIPE, timeout=60)
    same('status', done.returncode, 1)
    assert done.stderr.endswith(b'standard output: ' + full.encode() + b'\n'), done.stderr
    before = get(small)
    same('status', takt_book(*way, '--tape', small, small).returncode, 1)
    same('the feed', get(small), before)


@both_ways
def an_output_that_nobody_reads(way):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([TAKT_BOOK, *way, '--tape', '-', generate(50000, 4)], stdout=writer,
                          stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    same('status', done.returncode, 1)
    assert done.stderr.endswith(b'standard output: byte 0: cannot be written: Broken pipe\n')


@test
def wrong_command_lines():
    for arguments in ([], ['a', 'b'], ['--workers', '0', 'a'], ['--workers', 'x', 'a'],
                      ['--workers', '-1', 'a'], ['--redivide-every', '1k', 'a'], ['--tape'],
                      ['--format', 'csv', 'a'], ['--nonsense', 'a'], ['-x', 'a'],
                      ['--json', '--tape', '-', 'a'], ['--tape', '-', '--trades', '-', 'a'],
                      ['--init', 'b', '--format', 'itch50', 'a']):
        done = takt_book(*arguments)
        same('status of %s' % arguments, done.returncode, 2)
        assert done.stderr.startswith(b'takt-book: ') and not done.stdout, done
    for option, start in ('--help', b'Usage: takt-book'), ('--version', b'takt-book '):
        done = takt_book(option)
        assert done.returncode == 0 and done.stdout.startswith(start) and not done.stderr, done
