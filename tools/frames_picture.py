# SPDX-License-Identifier: MIT
"""The drawing of frames.py: scenes to an animated SVG.

A scene is drawn as a set of pieces of SVG. A piece that is the same in many scenes stands in the
picture once, and an animation in CSS shows it in those and hides it in the others. Marks that move
(cursors, the cut) are drawn once and moved. Without animation (in print, and for who wants less
motion) one scene is seen, the first in which old and new shards are at work side by side.

Nothing is told by colour alone: old shards have square cells and new ones round cells, and what an
event has come to shows in its outline, its filling and its tick.
"""
import math
from html import escape

WIDTH, HEIGHT = 880, 590
SECONDS = 40
KEY_WEIGHT = 5.5  # how much longer a scene rests that has something to read
MOVE = 0.25  # seconds that a mark takes to its new place

LABEL_X, BADGE_X, LANES_X, CELL = 256, 344, 412, 28
SHARDS, EVENTS = 5, 16  # as many as there is room for
RING_X, RING_Y, OUTER, INNER = 126, 240, 90, 44
LINE_Y, LINE_X, LINE_LENGTH = 500, 24, 832

STYLE = """
svg{--bg:#ffffff;--ink:#1c2128;--dim:#5b6672;--faint:#c3cad2;--panel:#f1f4f7;--ready:#d9dfe6;
--old:#0072b2;--old-ink:#ffffff;--new:#e69f00;--new-ink:#1c1400;--cut:#b3005e;
font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px}
@media (prefers-color-scheme:dark){svg{--bg:#15191e;--ink:#e8ecf0;--dim:#a1acb8;--faint:#4a545f;
--panel:#20262d;--ready:#3b4550;--old:#56b4e9;--old-ink:#04141f;--new:#e69f00;--new-ink:#1c1400;
--cut:#ff8fc7}}
text{fill:var(--ink)}
.c{text-anchor:middle}
.e{text-anchor:end}
.d{fill:var(--dim)}
.b{font-weight:700}
.s{font-size:10.5px}
.h{font-size:18px;font-weight:700}
.bg{fill:var(--bg)}
.panel{fill:var(--panel)}
.free{fill:none;stroke:var(--faint);stroke-dasharray:2 3}
.ready{fill:var(--ready);stroke:var(--ink);stroke-width:1}
.old,.new{stroke-width:2.5}
.old{fill:var(--bg);stroke:var(--old)}
.new{fill:var(--bg);stroke:var(--new)}
.old.done{fill:var(--old)}
.new.done{fill:var(--new)}
.old.busy,.new.busy{stroke-width:3.5;stroke-dasharray:7 3}
.sector.done{stroke:var(--panel)}
.oi{fill:var(--old-ink)}
.ni{fill:var(--new-ink)}
.off{fill:none;stroke:var(--faint)}
.on{fill:var(--ink)}
.oni{fill:var(--bg)}
.badge{fill:var(--bg);stroke:var(--ink);stroke-width:1.5}
.line{stroke:var(--dim);stroke-width:1}
.cut{stroke:var(--cut);stroke-width:3;fill:none}
.t{stroke-dasharray:6 4}
.ct{fill:var(--cut);font-weight:700}
.mark{fill:var(--ink)}
@media (prefers-reduced-motion:reduce){*{animation:none!important}}
@media print{*{animation:none!important}}
"""


def number(value):
    return f"{value:.3f}".rstrip("0").rstrip(".")


def text(x, y, content, classes=""):
    mark = f' class="{classes}"' if classes else ""
    return f'<text x="{number(x)}" y="{number(y)}"{mark}>{escape(content)}</text>'


def box(x, y, width, height, classes, round_by=0):
    rounded = f' rx="{round_by}"' if round_by else ""
    return (f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" '
            f'height="{number(height)}"{rounded} class="{classes}"/>')


def column(sequence):
    return LANES_X + sequence * CELL


def tick(x, y, classes):
    return (f'<path d="M{number(x)} {number(y)}l3 3 5-6" fill="none" stroke="var(--{classes})" '
            'stroke-width="1.8"/>')


def cell(x, y, sequence, division, state):
    """One event in a shard's lane: free, due, busy or done."""
    kind, ink = ("old", "new")[division], ("oi", "ni")[division]
    round_by = 9 if division else 0
    if state == "free":
        return box(x + 2, y, CELL - 4, 24, "free", round_by) + \
            text(x + CELL / 2, y + 16, str(sequence), "c d")
    shape = box(x + 3, y + 1, CELL - 6, 22, f"{kind} {state}", round_by)
    if state == "done":
        return shape + text(x + CELL / 2, y + 13, str(sequence), f"c b s {ink}") + \
            tick(x + CELL / 2 - 4, y + 17.5, kind + "-ink")
    return shape + text(x + CELL / 2, y + 16, str(sequence), "c b")


class Drawing:
    """What is common to all scenes of a run."""

    def __init__(self, run, scenes):
        self.run = run
        self.widths = [scenes[-1].state["divisions"][d]["width"] for d in (0, 1)]
        self.title = (f"A stage goes from {self.widths[0]} to {self.widths[1]} shards "
                      "while events flow")
        if sum(self.widths) > SHARDS or run["events"] > EVENTS:
            raise ValueError(f"there is room for {SHARDS} shards and {EVENTS} events")
        self.labels = {"before": f"{self.widths[0]} shards", "begin": "1 begin", "visit": "2 visit",
                       "install": "3 install", "leave": "4 leave",
                       "after": f"{self.widths[1]} shards"}
        self.lane_y = {"producer": 118, "output": 356}
        for division, begin in ((0, 156), (1, 166 + 36 * self.widths[0])):
            for shard in range(self.widths[division]):
                self.lane_y[division, shard] = begin + 36 * shard
        self.handled = {}  # sequence -> (division, shard), as the slots had it

    def note(self, state):
        for slot in state["slots"]:
            if slot["handled"]:
                old = state["divisions"][0]["width"]
                self.handled[slot["sequence"]] = (int(slot["shards"] != old), slot["shard"])

    def event(self, state, division, shard, sequence):
        """What an event of a shard has come to."""
        if sequence > state["cursor"]:
            return "free"
        if sequence < state["divisions"][division]["shards"][shard]["next"]:
            return "done"
        return "busy" if self.handled.get(sequence) == (division, shard) else "due"

    def owns(self, state, division, shard):
        """The sequences of a shard that the picture shows."""
        old, new = state["divisions"]
        width = (old, new)[division]["width"]
        cut = old["cut"] if old["cut"] is not None and old["final"] else None
        low = (state["change"]["cut"] if division else 0)
        high = self.run["events"] if division or cut is None else cut
        return [s for s in range(low, high) if s // self.run["block"] % width == shard]

    def lane(self, state, division, shard):
        y = self.lane_y[division, shard]
        core = state["divisions"][division]["shards"][shard]
        label = f"{('old', 'new')[division]} shard {shard}"
        exists = core["sequence"] is not None
        known = state["divisions"][division]["width"] > shard
        yield text(LABEL_X, y + 11, label, "b" if exists else "b d")
        if not known:
            yield text(LABEL_X, y + 23, "does not exist yet", "s d")
            return
        if not exists:
            yield text(LABEL_X, y + 23, f"has left, at {core['next'] - 1}" if division == 0
                       else "is being set up", "s d")
        else:
            yield text(LABEL_X, y + 23, f"sequence {core['sequence']}", "s d")
            yield from self.badge(BADGE_X, y + 1, core)
        for sequence in self.owns(state, division, shard):
            yield cell(column(sequence), y, sequence, division,
                       self.event(state, division, shard, sequence))

    def badge(self, x, y, core):
        """Who owns a shard, and whether the changer waits for it."""
        owner = core["owner"]
        if core["wanted"]:
            yield text(x + 29, y + 22, "wanted!", "c s ct")
            y -= 4
        if owner == 0:
            yield text(x + 29, y + 10, "vacant", "c s d")
            return
        name = owner if isinstance(owner, str) else f"worker {owner}"
        round_by = {1: 8, 2: 0}.get(owner, 3)
        fill = "on" if owner == "changer" else "badge"
        yield box(x, y - 2, 58, 16, fill, round_by) + \
            text(x + 29, y + 10, name, "c s b" + (" oni" if owner == "changer" else ""))

    def bar(self, state, name, label, upto):
        """The producer's or the output's lane."""
        y = self.lane_y[name]
        yield text(LABEL_X, y + 11, label, "b")
        yield text(LABEL_X, y + 23, f"sequence {upto}", "s d")
        for sequence in range(self.run["events"]):
            gone = sequence <= upto
            yield box(column(sequence) + 2, y + 3, CELL - 4, 18, "ready" if gone else "free") + \
                text(column(sequence) + CELL / 2, y + 16, str(sequence), "c" if gone else "c d")

    def slot(self, state, index):
        """A slot of the ring: a sector with its sequence, and what has become of it."""
        size = self.run["ring"]
        slot = state["slots"][index]
        sequence = slot["sequence"]
        begin, end = (2 * math.pi * (index + step) / size - math.pi / 2 for step in (.015, .985))
        points = [(RING_X + radius * math.cos(angle), RING_Y + radius * math.sin(angle))
                  for radius, angle in ((OUTER, begin), (OUTER, end), (INNER, end),
                                        (INNER, begin))]
        (a, b), (c, d), (e, f), (g, h) = points
        path = (f"M{a:.1f} {b:.1f}A{OUTER} {OUTER} 0 0 1 {c:.1f} {d:.1f}L{e:.1f} {f:.1f}"
                f"A{INNER} {INNER} 0 0 0 {g:.1f} {h:.1f}z")
        middle = (begin + end) / 2
        x = RING_X + (OUTER + INNER) / 2 * math.cos(middle)
        y = RING_Y + (OUTER + INNER) / 2 * math.sin(middle)
        ink, classes, word = "", "free", "empty"
        if sequence >= 0 and sequence > state["cursor"]:
            word = "written"
        elif sequence >= 0:
            classes, word = "ready", "ready"
            if slot["handled"]:
                division, shard = self.handled[sequence]
                kind = ("old", "new")[division]
                done = self.event(state, division, shard, sequence) == "done"
                classes, word = f"{kind} {'done' if done else 'busy'}", f"{kind} {shard}"
                ink = " " + ("oi", "ni")[division] if done else ""
            if sequence <= state["output"]:
                classes, word, ink = "free", "out", " d"
        yield f'<path d="{path}" class="sector {classes}"/>' + \
            text(x, y + 1, str(sequence) if sequence >= 0 else "-", "c b" + ink) + \
            text(x, y + 13, word, "c s" + ink)

    def pieces(self, scene):
        state = scene.state
        self.note(state)
        for index in range(self.run["ring"]):
            yield from self.slot(state, index)
        yield from self.bar(state, "producer", "producer", state["cursor"])
        yield from self.bar(state, "output", "output", state["output"])
        for division in (0, 1):
            for shard in range(self.widths[division]):
                yield from self.lane(state, division, shard)
        at = 24
        for phase, label in self.labels.items():
            on = phase == scene.phase
            yield box(at, 44, 132, 24, "on" if on else "off", 4) + \
                text(at + 66, 60, label, "c b oni" if on else "c d")
            at += 140
        cut = state["divisions"][0]["cut"]
        if cut is not None:
            word = "C" if state["divisions"][0]["final"] else "T"
            yield text(column(cut) + 5, 114, f"{word} = {cut}", "ct")
        yield text(LINE_X + 12, 436, scene.head, "h") + text(LINE_X + 12, 460, scene.text, "d")

    def places(self, scene):
        """The marks that move: each with its distance from where it is drawn, and whether it is
        seen."""
        state = scene.state

        def round_the_ring(sequence, radius):
            angle = 2 * math.pi * (sequence + .5) / self.run["ring"] - math.pi / 2
            return radius * math.cos(angle), radius * math.sin(angle)
        cursor, output = state["cursor"], state["output"]
        old = state["divisions"][0]
        cut = (old["cut"] or 0) * CELL, 0
        yield "producer", round_the_ring(cursor, OUTER + 14), cursor >= 0
        yield "output", round_the_ring(output, INNER - 14), output >= 0
        yield "tentative", cut, old["cut"] is not None and not old["final"]
        yield "cut", cut, bool(old["final"])


def still(drawing):
    """What never changes, below everything else."""
    yield box(0, 0, WIDTH, HEIGHT, "bg")
    yield text(24, 28, drawing.title, "h")
    yield box(12, 78, 228, 324, "panel", 8) + box(246, 78, 622, 324, "panel", 8)
    yield box(12, 410, 856, 64, "panel", 8)
    yield text(24, 98, f"ring of {drawing.run['ring']} slots", "b")
    yield text(LABEL_X, 98, "shard and owner", "b")
    yield text(LANES_X, 98,
               "sequences: below the cut the old shards', from it on the new ones'", "d")
    x = 24
    for division, name in enumerate(("old", "new")):
        for state, word in (("free", "not yet"), ("due", "due"), ("busy", "in hand"),
                            ("done", "done")):
            if division and state == "free":
                continue
            yield cell(x, 546, 5, division, state)
            yield text(x + CELL + 4, 562, f"{name}: {word}" if state != "free" else word, "s")
            x += 120 if state != "free" else 96
    yield text(24, 584, "P: the last event published. O: the last that came out. T, dashed: the "
               "tentative cut. C: the cut. In hand: its handler was called, its shard has not "
               "moved on.", "s d")


def times(scenes):
    """When each scene begins, in parts of the whole, and the end."""
    weights = [KEY_WEIGHT if scene.key else 1 for scene in scenes]
    total, at, out = sum(weights), 0, []
    for weight in weights:
        out.append(at / total)
        at += weight
    return out + [1]


def percent(part):
    return number(100 * part) + "%"


def visibility(name, shown, starts):
    """The animation of a piece that is seen in some of the scenes."""
    steps, before = [], None
    for index, start in enumerate(starts[:-1]):
        seen = index in shown
        if seen != before:
            steps.append(f"{percent(start)}{{visibility:{'visible' if seen else 'hidden'}}}")
        before = seen
    return f"@keyframes {name}{{{''.join(steps)}}}"


def motion(name, path, starts):
    """The animation of a mark that moves when a scene begins."""
    def step(part, place):
        return f"{percent(part)}{{transform:translate({number(place[0])}px,{number(place[1])}px)}}"
    steps, before = [step(0, path[0])], path[0]
    for start, place in zip(starts[1:-1], path[1:]):
        if place != before:
            steps += [step(start, before), step(start + MOVE / SECONDS, place)]
        before = place
    return f"@keyframes {name}{{{''.join(steps)}{step(1, before)}}}"


MARKS = {
    "producer": f'<circle cx="{RING_X}" cy="{RING_Y}" r="10" class="on"/>' +
                text(RING_X, RING_Y + 4, "P", "c b oni"),
    "output": f'<circle cx="{RING_X}" cy="{RING_Y}" r="10" class="badge"/>' +
              text(RING_X, RING_Y + 4, "O", "c b"),
    "cut": f'<path d="M{LANES_X} 106V390" class="cut"/>',
    "tentative": f'<path d="M{LANES_X} 106V390" class="cut t"/>',
}


def poster_of(scenes):
    """The scene that is seen where nothing moves."""
    for index, scene in enumerate(scenes):
        if "side by side" in scene.text:
            return index
    return 0


def draw(run, scenes):
    """The picture as a text."""
    drawing, starts, poster = Drawing(run, scenes), times(scenes), poster_of(scenes)
    pieces, paths, seen_marks = {}, {}, {}
    for index, scene in enumerate(scenes):
        for piece in drawing.pieces(scene):
            pieces.setdefault(piece, set()).add(index)
        for mark, place, seen in drawing.places(scene):
            paths.setdefault(mark, []).append(place)
            if seen:
                seen_marks.setdefault(mark, set()).add(index)
        pieces[text(LINE_X + LINE_LENGTH, LINE_Y + 24, f"frame {index + 1} of {len(scenes)}",
                    "s d e")] = {index}
    rules = []
    for mark, path in paths.items():
        x, y = (number(value) for value in path[poster])
        piece = (f'<g class="m m-{mark}" style="transform:translate({x}px,{y}px)">{MARKS[mark]}'
                 '</g>')
        pieces[piece] = seen_marks.get(mark, set())
        rules.append(f".m-{mark}{{animation-name:{mark}}}" + motion(mark, path, starts))
    groups = {}
    for piece, shown in pieces.items():
        groups.setdefault(frozenset(shown), []).append(piece)
    return assemble(drawing, scenes, groups, rules, starts, poster)


def time_line(drawing, scenes, starts):
    """The whole run as a line: a part for each phase, a stroke for each scene."""
    yield f'<path d="M{LINE_X} {LINE_Y}h{LINE_LENGTH}" class="line"/>'
    begun = None
    for scene, start in zip(scenes, starts):
        x = LINE_X + start * LINE_LENGTH
        length = 9 if scene.key else 4
        yield f'<path d="M{x:.1f} {LINE_Y - length}v{2 * length}" class="line"/>'
        if scene.phase != begun:
            begun, label = scene.phase, drawing.labels[scene.phase]
            yield text(x, LINE_Y + 24, label if "shards" in label else label[2:], "s d")


def assemble(drawing, scenes, groups, rules, starts, poster):
    """Everything, in the order in which it is painted."""
    body = list(still(drawing)) + list(time_line(drawing, scenes, starts))
    for count, (shown, found) in enumerate(groups.items()):
        joined = "".join(found)
        if len(shown) == len(scenes):
            body.append(joined)
            continue
        hidden = "" if poster in shown else ' visibility="hidden"'
        body.append(f'<g class="f f{count}"{hidden}>{joined}</g>')
        rules.append(f".f{count}{{animation-name:k{count}}}" +
                     visibility(f"k{count}", shown, starts))
    x = number(starts[poster] * LINE_LENGTH)
    body.append(f'<g class="m m-now" style="transform:translate({x}px,0)">'
                f'<path d="M{LINE_X} {LINE_Y - 3}l-7-11h14z" class="mark"/></g>')
    rules.append(f".m-now{{animation-name:now}}@keyframes now{{0%{{transform:translate(0,0)}}"
                 f"100%{{transform:translate({LINE_LENGTH}px,0)}}}}")
    told = " ".join(f"{index + 1}. {scene.head}. {scene.text}".rstrip()
                    for index, scene in enumerate(scenes) if scene.key)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title told">',
             f'<title id="title">{drawing.title}</title>',
             f'<desc id="told">{escape(told)}</desc>',
             f"<style>{STYLE}.f{{animation:{SECONDS}s step-end infinite}}",
             f".m{{animation:{SECONDS}s linear infinite}}", *rules, "</style>", *body, "</svg>"]
    return "\n".join(lines) + "\n"
