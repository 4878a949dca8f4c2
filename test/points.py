# SPDX-License-Identifier: MIT
"""Test programs in Python: functions marked with @test, run in turn, each a point of TAP."""
import traceback

TESTS = []


class Skip(Exception):
    """Raised by a test that lacks what it needs; its text says what."""


def test(function):
    TESTS.append((function.__name__.replace('_', ' '), function))
    return function


def main():
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    for number, (name, function) in enumerate(TESTS, 1):
        result, note = 'ok', ''
        try:
            function()
        except Skip as reason:
            note = f' # SKIP {reason}'
        except Exception:
            result, failed = 'not ok', failed + 1
            print('# ' + traceback.format_exc()[-4000:].rstrip().replace('\n', '\n# '))
        print(f'{result} {number} - {name}{note}', flush=True)
    return failed > 0
