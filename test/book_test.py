# SPDX-License-Identifier: MIT
"""takt-book from the outside: book_test.py TAKT_BOOK ITCH_GEN

Every way to run it must write the same tape, and that tape must be the one that book_model.py and,
where TAKT_DATA is set, LOBSTER's own order book say. Prints TAP. What must happen when something is
wrong is in book_faults.py.
"""
import gzip
import os
import random
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # no __pycache__ among the sources

import book_model as model  # noqa: E402
from book_harness import (BASELINE, TAKT_BOOK, WAYS, Run, Skip, both_ways,  # noqa: E402
                          check, generate, get, main, put, same, test)
import book_faults  # noqa: E402, F401: registers its tests


def lobster_data():
    folder = os.path.join(os.environ.get('TAKT_DATA', ''), 'lobster')
    if not os.environ.get('TAKT_DATA') or not os.path.isdir(folder):
        raise Skip('no data: TAKT_DATA is not set, or there is no lobster in it')
    return os.path.join(folder, 'MSFT_messages.csv'), os.path.join(folder, 'MSFT_book.csv')


def all_ways(feed, *arguments):
    wanted = Run(feed, *arguments, *BASELINE)
    for way in WAYS[1:]:
        run = Run(feed, *arguments, *way)
        for what in 'tape', 'trades':
            same('%s of %s' % (what, ' '.join(way)), getattr(run, what), getattr(wanted, what))
        for key in 'messages', 'by_type', 'live_orders', 'symbols', 'orphans', 'clamped':
            same('%s of %s' % (key, ' '.join(way)), run.json[key], wanted.json[key])
    return wanted


@test
def every_way_writes_the_same_tape_of_a_generated_day():
    run = all_ways(generate(100000))
    assert run.json['tape_rows'] > 50000 and run.json['trades_rows'] > 1000, run.json


@test
def every_way_writes_the_same_tape_of_a_hostile_feed():
    all_ways(put('hostile', model.random_itch(30000, 2)))


@test
def every_way_writes_the_same_tape_of_lobster_messages():
    all_ways(put('ABC_messages.csv', model.random_lobster(30000, 3)))


@test
def every_way_writes_the_same_tape_of_the_lobster_sample():
    messages, book = lobster_data()
    all_ways(messages, '--format', 'lobster', '--init', book)
    all_ways(messages)


@both_ways
def the_lobster_sample_equals_its_oracle(way):
    messages, book = lobster_data()
    run = Run(messages, '--format', 'lobster', '--init', book, *way)
    rows = [row.split(b',') for row in run.tape.splitlines()[1:]]
    oracle = [row.split(b',')[:4] for row in get(book).splitlines()]
    same('rows', len(rows), 1950)
    for number, (row, levels) in enumerate(zip(rows, oracle), 1):
        same('row %d' % number, [row[0], row[2]] + row[5:] + row[3:5],
             [b'%d' % number, b'MSFT'] + levels)


@both_ways
def a_generated_day_is_what_the_model_says(way):
    feed = generate(50000, 4)
    wanted = model.model_itch(get(feed))
    run = Run(feed, *way)
    check(run, wanted)
    same('symbols', run.json['symbols'], len(wanted.names))


@both_ways
def hostile_feeds_are_what_the_model_says(way):
    for seed in range(3):
        data = model.random_itch(10000, seed)
        check(Run(put('hostile', data), *way), model.model_itch(data))


@both_ways
def lobster_messages_are_what_the_model_says(way):
    for seed in range(3):
        data = model.random_lobster(10000, seed)
        check(Run(put('A.B_1.csv', data), *way), model.model_lobster(data, 'A.B'))
    run = Run(put('noname.csv', data.replace(b'\n', b'\r\n')[:-2]), *way)
    check(run, model.model_lobster(data, '-'))


@both_ways
def init_is_the_book_after_the_first_message(way):
    messages = (b'1.5,%d,7,60,20000,1\n1.6,1,8,5,20000,1\n1.7,3,7,60,20000,1\n'
                b'1.8,4,9,30,20300,-1\n1.9,4,9,70,20300,-1\n')
    book = put('init', b'20300,90,20000,100,20400,1,19900,2,9999999999,0,-9999999999,0\n1,1,1,1\n')
    for kind in 1, 2, 3, 4:
        run = Run(put('X_1.csv', messages % kind), '--init', book, *way)
        same('tape', [row.split(b',')[3:] for row in run.tape.splitlines()[1:]],
             [[b'20000', b'100', b'20300', b'90'], [b'20000', b'105', b'20300', b'90'],
              [b'20000', b'45', b'20300', b'90'], [b'20000', b'45', b'20300', b'60'],
              [b'20000', b'45', b'20400', b'1']])
        same('trades', len(run.trades.splitlines()), 3 + (kind == 4))
        same('counts', [run.json[k] for k in ('orphans', 'clamped', 'live_orders')], [3, 1, 1])


@both_ways
def gzip_and_standard_input(way):
    data = get(generate(50000, 4))
    wanted = Run(generate(50000, 4), *BASELINE).tape
    packed = gzip.compress(data[:100001], 1) + gzip.compress(b'') + gzip.compress(data[100001:], 1)
    same('gzip', Run(put('any.name', packed), *way).tape, wanted)
    same('standard input', Run('-', *way, stdin=data).tape, wanted)
    same('gzip on standard input', Run('-', *way, stdin=packed).tape, wanted)


@both_ways
def a_feed_that_comes_slowly(way):
    data = model.random_itch(3000, 5)
    wanted, rng = model.model_itch(data), random.Random(6)
    with subprocess.Popen([TAKT_BOOK, *way, '--tape', '-', '-'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        at = 0
        while at < len(data):
            step = rng.choice((1, 2, 37, 5000))
            process.stdin.write(data[at:at + step])
            process.stdin.flush()
            at += step
            time.sleep(0.001)
        tape = process.communicate(timeout=60)[0]
    same('tape', tape, '\n'.join(wanted.tape + ['']).encode())
    same('status', process.returncode, 0)


@both_ways
def json_has_all_its_keys(way):
    run = Run(generate(50000, 4), *way).json
    types = {'messages': int, 'by_type': dict, 'symbols': int, 'live_orders': int, 'orphans': int,
             'elapsed_s': float, 'messages_per_s': float, 'workers': int, 'stages': list,
             'anonymous_bytes': int, 'memory_bound': int}
    for key, kind in types.items():
        assert isinstance(run[key], kind), '%s is %r' % (key, run[key])
    same('messages', sum(run['by_type'].values()), run['messages'])
    assert 'error' not in run
    same('bound', run['memory_bound'], (64 << 20) + 96 * run['live_orders'])
    program = get(TAKT_BOOK)
    if b'__asan_' not in program and b'__tsan_' not in program:
        assert 0 < run['anonymous_bytes'] <= run['memory_bound'], run
    if way == BASELINE:
        same('stages', (run['workers'], run['stages']), (0, []))
        return
    same('workers', run['workers'], 2)
    assert len(run['stages']) >= 3, run['stages']
    for stage in run['stages']:
        assert stage['name'] and 1 <= stage['shards_now'] <= stage['shards_max'], stage
        assert stage['service_ns'] > 0 and stage['redivisions'] >= 0, stage
        same('events of ' + stage['name'], stage['events'], run['messages'])


@test
def forced_redivisions_happen():
    run = Run(generate(50000, 4), '--workers', '2', '--redivide-every', '1000').json
    assert sum(stage['redivisions'] for stage in run['stages']) >= 10, run['stages']


@both_ways
def orders_that_do_not_fit_are_counted(way):
    feed = (model.add(1, 1, 5, b'B', 100, 10000) + model.delete(1, 2, 6) +
            model.itch('X', 1, 3, (6).to_bytes(8, 'big') + b'\0\0\0\1') +
            model.itch('E', 1, 4, (6).to_bytes(8, 'big') + b'\0\0\0\1') +
            model.itch('E', 1, 5, (5).to_bytes(8, 'big') + b'\0\0\0\xff'))
    run = Run(put('feed', feed), *way)
    same('counts', [run.json[k] for k in ('orphans', 'clamped', 'live_orders')], [3, 1, 0])
    same('tape', run.tape.splitlines()[1:],
         [b'%d,%d,MSFT,10000,100,0,0' % (i, i) for i in range(1, 5)] + [b'5,5,MSFT,0,0,0,0'])
    same('trades', run.trades.splitlines()[1:], [b'4,4,MSFT,0,1,E', b'5,5,MSFT,10000,255,E'])


if __name__ == '__main__':
    with tempfile.TemporaryDirectory(prefix='takt-book-') as scratch:
        os.chdir(scratch)
        status = main()
        os.chdir('/')
    sys.exit(status)
