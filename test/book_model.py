# SPDX-License-Identifier: MIT
"""Order books once more, in as few lines as possible: what takt-book is compared with.

Written from the two formats' descriptions and from `takt-book --help`, with dictionaries and
without any thought of speed. Also makes feeds: messages one by one, and hostile mixtures of them.
"""
import random
import struct

SYMBOLS = [b'AAPL', b'MSFT', b'ZXZZT', b'A', b'BRK.B']
LENGTHS = dict(zip('SRHYLVWKJhAFECXDUPQBINO', (
    12, 39, 25, 20, 26, 35, 12, 28, 35, 21, 36, 40, 31, 36, 23, 19, 35, 44, 40, 19, 50, 20, 48)))


def frame(message):
    return struct.pack('>H', len(message)) + message


def itch(kind, locate, time_ns, body=b''):
    """A framed message; a body that is shorter than the type's is filled up with zeros."""
    start = kind.encode() + struct.pack('>HH', locate, 7) + time_ns.to_bytes(6, 'big')
    return frame((start + body).ljust(LENGTHS[kind], b'\0'))


def add(locate, time_ns, ref, side, shares, price, attributed=False):
    body = struct.pack('>QcI8sI', ref, side, shares, symbol(locate), price)
    return itch('F' if attributed else 'A', locate, time_ns, body + b'MPID' * attributed)


def delete(locate, time_ns, ref):
    return itch('D', locate, time_ns, struct.pack('>Q', ref))


def symbol(locate):
    return SYMBOLS[locate % len(SYMBOLS)].ljust(8)


def random_itch(messages, seed):
    """A feed in which hardly anything fits: few references, used again and again."""
    rng = random.Random(seed)
    out = [itch('S', 0, 1, b'O')]
    for i in range(messages - 1):
        locate, ref, ref2 = rng.randrange(1, 9) * 8191, rng.randrange(60), rng.randrange(60)
        shares = rng.choice((0, 1, 100, rng.randrange(1000), 2 ** 32 - 1))
        price = rng.choice((10000, 10000 + rng.randrange(60), rng.randrange(2 ** 31)))
        side = rng.choice((b'B', b'S'))
        kind = rng.choice('AAAAAAFEECCXXDDUUUPQBHRLI')
        time_ns = rng.randrange(2 ** 48)
        name = symbol(locate)
        if kind in 'AF':
            out.append(add(locate, time_ns, ref, side, shares, price, kind == 'F'))
            continue
        body = {
            'E': struct.pack('>QIQ', ref, shares, i),
            'C': struct.pack('>QIQcI', ref, shares, i, rng.choice((b'Y', b'N')), price),
            'X': struct.pack('>QI', ref, shares),
            'D': struct.pack('>Q', ref),
            'U': struct.pack('>QQII', ref, ref2, shares, price),
            'P': struct.pack('>QcI8sIQ', 0, side, shares, name, price, i),
            'Q': struct.pack('>Q8sIQc', shares << 8, name, price, i, b'O'),
            'B': struct.pack('>Q', i),
            'H': name + b'T',
            'R': name,
            'L': b'MPID' + name,
            'I': struct.pack('>QQc8s', 1, 2, b'B', name),
        }[kind]
        out.append(itch(kind, locate, time_ns, body))
    return b''.join(out)


def random_lobster(messages, seed):
    rng = random.Random(seed)
    rows = []
    for i in range(messages):
        second = '%d.%s' % (34200 + i // 100, str(rng.randrange(10 ** 9)).zfill(9).rstrip('0') or 0)
        kind = rng.choice('111111223334456')
        rows.append('%s,%s,%d,%d,%d,%d' % (second, kind, rng.randrange(400), rng.randrange(200),
                                           10000 + 100 * rng.randrange(80), rng.choice((1, -1))))
        if rng.randrange(500) == 0:
            rows.append('%s,7,0,0,%d,-1' % (second, rng.choice((-1, 0, 1))))
    return ('\n'.join(rows) + '\n').encode()


class Model:
    """The books of all symbols, the rows that they make, and what did not fit."""

    def __init__(self):
        self.tape = ['seq,time_ns,symbol,bid_px,bid_sz,ask_px,ask_sz']
        self.trades = ['seq,time_ns,symbol,price,shares,kind']
        self.orders = {}  # (locate, ref): [side, shares, price]
        self.levels = {}  # (locate, side): {price: shares}
        self.names = {}
        self.messages = self.orphans = self.clamped = self.duplicates = 0
        self.by_type = {}

    def row(self, time_ns, locate):
        bids = self.levels.get((locate, 'B')) or {0: 0}
        asks = self.levels.get((locate, 'S')) or {0: 0}
        bid, ask = max(bids), min(asks)
        self.tape.append('%d,%d,%s,%d,%d,%d,%d' % (
            self.messages, time_ns, self.name(locate), bid, bids[bid], ask, asks[ask]))

    def trade(self, time_ns, locate, price, shares, kind):
        self.trades.append('%d,%d,%s,%d,%d,%s' % (
            self.messages, time_ns, self.name(locate), price, shares, kind))

    def name(self, locate):
        return self.names.get(locate, '#%d' % locate)

    def level(self, locate, side, price, change):
        """Returns by how much the level was too small."""
        levels = self.levels.setdefault((locate, side), {})
        rest = levels.get(price, 0) + change
        levels.pop(price, None)
        if rest > 0:
            levels[price] = rest
        return max(0, -rest)

    def add(self, locate, ref, side, shares, price):
        if (locate, ref) in self.orders:
            self.duplicates += 1
            self.remove(locate, ref)
        if shares > 0:
            self.orders[locate, ref] = [side, shares, price]
            self.level(locate, side, price, shares)

    def remove(self, locate, ref):
        side, shares, price = self.orders.pop((locate, ref))
        self.level(locate, side, price, -shares)
        return side

    def reduce(self, locate, ref, shares, priced=None):
        """Shares leave an order (None: all of them). Returns the price that it rested at."""
        if (locate, ref) not in self.orders:
            self.orphans += 1
            if not priced:
                return 0
            side, price = priced[0], priced[1]
            there = price in self.levels.get((locate, side), {})
            if self.level(locate, side, price, -priced[2]) > 0 and there:
                self.clamped += 1
            return price
        order = self.orders[locate, ref]
        side, rest, price = order
        self.clamped += shares is not None and shares > rest
        if shares is None or shares >= rest:
            self.remove(locate, ref)
        else:
            order[1] -= shares
            self.level(locate, side, price, -shares)
        return price

    def count(self, kind):
        self.messages += 1
        self.by_type[kind] = self.by_type.get(kind, 0) + 1

    def itch(self, message):
        kind = chr(message[0])
        locate, = struct.unpack_from('>H', message, 1)
        time_ns = int.from_bytes(message[5:11], 'big')
        self.count(kind)
        at = {'A': 24, 'F': 24, 'P': 24, 'Q': 19, 'R': 11}.get(kind)
        if at and (kind == 'R' or locate not in self.names):
            self.names[locate] = message[at:at + 8].decode().rstrip()
        ref = struct.unpack_from('>Q', message, 11)[0] if kind in 'AFECXDU' else None
        if kind in 'AF':
            side, shares, _, price = struct.unpack_from('>cI8sI', message, 19)
            self.add(locate, ref, side.decode(), shares, price)
        elif kind == 'E':
            shares, = struct.unpack_from('>I', message, 19)
            price = self.reduce(locate, ref, shares)
            self.trade(time_ns, locate, price, shares, 'E')
        elif kind == 'C':
            shares, _, printable, price = struct.unpack_from('>IQcI', message, 19)
            self.reduce(locate, ref, shares)
            self.trade(time_ns, locate, price, shares, 'C' if printable == b'Y' else 'c')
        elif kind == 'X':
            self.reduce(locate, ref, struct.unpack_from('>I', message, 19)[0])
        elif kind == 'D':
            self.reduce(locate, ref, None)
        elif kind == 'U':
            new, shares, price = struct.unpack_from('>QII', message, 19)
            if (locate, ref) in self.orders:
                self.add(locate, new, self.remove(locate, ref), shares, price)
            else:
                self.orphans += 1
        elif kind == 'P':
            shares, _, price = struct.unpack_from('>I8sI', message, 20)
            self.trade(time_ns, locate, price, shares, 'P')
        elif kind == 'Q':
            shares, _, price = struct.unpack_from('>Q8sI', message, 11)
            self.trade(time_ns, locate, price, shares, 'Q')
        if kind in 'AFECXDU':
            self.row(time_ns, locate)

    def lobster(self, line):
        time, kind, ref, shares, price, direction = line.split(',')
        seconds, _, fraction = time.partition('.')
        time_ns = int(seconds) * 10 ** 9 + int(fraction.ljust(9, '0'))
        ref, shares, price = int(ref), int(shares), int(price)
        side = 'B' if direction == '1' else 'S'
        self.count(kind)
        if kind == '1':
            self.add(1, ref, side, shares, price)
        elif kind in '24':
            price = self.reduce(1, ref, shares, (side, price, shares))
        elif kind == '3':
            self.reduce(1, ref, None, (side, price, shares))
        if kind in '456':
            self.trade(time_ns, 1, price, shares, {'4': 'E', '5': 'P', '6': 'Q'}[kind])
        if kind in '12345':
            self.row(time_ns, 1)


def model_itch(feed):
    model, at = Model(), 0
    while at < len(feed):
        length, = struct.unpack_from('>H', feed, at)
        if length:
            model.itch(feed[at + 2:at + 2 + length])
        at += 2 + length
    return model


def model_lobster(feed, name):
    model = Model()
    model.names[1] = name
    for line in feed.decode().splitlines():
        model.lobster(line)
    return model
