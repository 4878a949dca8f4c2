#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws a re-division, frame by frame, as an animated SVG that needs no script.

    sim_explorer --case cut_round --frames FRAMES.json
    frames.py FRAMES.json PICTURE.svg

The explorer writes a frame for each store that changed the state of the stage. This file tells
them: frames in which one thread does one thing become one scene, and each scene is told in words
that are made of its figures. frames_picture.py draws the scenes.
"""
import argparse
import json
import sys

import frames_picture

PHASES = ["before", "begin", "visit", "install", "leave", "after"]
# A scene that begins with a happening of one kind goes on with these, by the same thread.
GOES_ON = {
    "publish": {"write", "publish"}, "write": {"write", "publish"},
    "ask": set(), "begin": {"begin", "tentative"}, "tentative": set(),
    "want": set(), "unwant": set(), "visit": {"unwant"}, "visited": set(),
    "set up": {"set up"}, "final": {"final"},
    "take": {"handle"}, "handle": set(), "done": {"leave", "give"}, "give": set(),
    "leave": set(), "over": {"over"}, "output": set(), "start": set(),
}
# Not told: the changer's count, and its looks at shards that cannot leave yet.
SILENT = {"count", "look"}


class Unfit(Exception):
    """The frames are not of a run that can be told."""


class Scene:
    """What is shown at once: a state, what has led to it, and how it is told."""

    def __init__(self, thread, kind, before):
        self.thread, self.kind, self.before = thread, kind, before
        self.state = before
        self.happenings = []
        self.head = self.text = ""
        self.key = False
        self.phase = None


def name_of(division, shard):
    return f"{('old', 'new')[division]} shard {shard}"


def names(numbers):
    """ "4", "4 and 5", "4 to 7", "4, 6 and 9" """
    numbers = list(numbers)
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    texts = [str(number) for number in numbers]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def of_shard(before, after, division, shard):
    """What has happened to one shard."""
    old, new = (state["divisions"][division]["shards"][shard] for state in (before, after))
    installed = after["divisions"][0]["final"]
    about = (division, shard)
    if new["owner"] != old["owner"]:
        if "changer" in (old["owner"], new["owner"]):
            if division == 1:
                yield "set up", about
            elif new["owner"] == "changer":
                yield ("look" if installed else "visit"), about
            else:
                yield ("look" if installed else "visited"), about
        else:
            yield ("take" if new["owner"] else "give"), about
    if new["sequence"] != old["sequence"]:
        kind = "leave" if new["sequence"] is None else "done"
        yield ("set up" if old["sequence"] is None else kind), about
    if new["wanted"] != old["wanted"]:
        yield ("want" if new["wanted"] else "unwant"), about


def happenings(before, after):
    """The differences of two states, each as a kind and what it is about."""
    for old, new in zip(before["slots"], after["slots"]):
        if new["sequence"] != old["sequence"]:
            yield "write", new["sequence"]
        elif new["handled"] != old["handled"]:
            yield "handle", new["sequence"]
    if before["cursor"] != after["cursor"]:
        yield "publish", after["cursor"]
    if before["output"] != after["output"]:
        yield "output", after["output"]
    old, new = before["change"], after["change"]
    if old["target"] != new["target"]:
        yield "ask", new["target"]
    if old["settled"] != new["settled"]:
        yield ("over" if new["settled"] else "begin"), new["settled"]
    if old["visited"] != new["visited"]:
        yield "count", new["visited"]
    for division, (old, new) in enumerate(zip(before["divisions"], after["divisions"])):
        if division == 0 and old["cut"] is None and new["cut"] is not None:
            yield "tentative", new["cut"]
        elif old["cut"] != new["cut"] or old["final"] != new["final"]:
            yield "final", new["cut"]
        if old["width"] != new["width"]:
            yield "set up", None
        if old["open"] != new["open"]:
            yield "over", None
        for shard in range(len(new["shards"])):
            yield from of_shard(before, after, division, shard)
    if before["current"] != after["current"]:
        yield "final", after["divisions"][0]["cut"]


def goes_on(scene, thread, kind, about):
    if thread != scene.thread:
        return False
    if kind in ("leave", "give") and about != scene.happenings[0][1]:
        return False
    if kind == "handle":
        return scene.kind == "take" and all(had != "handle" for had, _ in scene.happenings)
    return kind in GOES_ON[scene.kind]


def scenes_of(frames):
    """Frames to scenes."""
    scenes = [Scene("", "start", frames[0])]
    for before, after in zip(frames, frames[1:]):
        for kind, about in happenings(before, after):
            if kind in SILENT:
                continue
            if not goes_on(scenes[-1], after["thread"], kind, about):
                scenes.append(Scene(after["thread"], kind, before))
            scenes[-1].happenings.append((kind, about))
            scenes[-1].state = after
    return scenes


class Teller:
    """Puts scenes into words."""

    def __init__(self, run):
        self.run = run
        self.tentative = self.cut = None
        self.processed = {}
        self.beside = False
        self.phase = "before"

    def owned(self, division, shard, state, low, high):
        """The shard's own sequences from low on and below high."""
        block, width = self.run["block"], state["divisions"][division]["width"]
        return [s for s in range(low, high) if s // block % width == shard]

    def tell(self, scene):
        kind = scene.kind
        getattr(self, "tell_" + kind.replace(" ", "_"))(scene, scene.happenings)
        if kind in ("want", "visit", "visited"):
            self.phase = "visit"
        elif kind == "tentative" or kind == "begin":
            self.phase = "begin"
        elif kind in ("set up", "final"):
            self.phase = "install"
        elif kind == "over":
            self.phase = "after"
        elif self.phase == "install":
            self.phase = "leave"
        scene.phase = self.phase
        if scene.head.startswith(scene.thread):
            scene.head = scene.head[:1].upper() + scene.head[1:]
        scene.key = scene.key or bool(scene.text)

    def tell_start(self, scene, _):
        run, width = self.run, scene.state["divisions"][0]["width"]
        scene.head = f"A ring of {run['ring']} slots, a stage of {width} shards, two workers"
        scene.text = (f"The division goes by blocks of {run['block']}: of n shards, "
                      f"shard i owns the sequences s with (s / {run['block']}) % n = i.")

    def tell_publish(self, scene, found):
        sequences = [about for kind, about in found if kind == "publish"]
        scene.head = f"The producer publishes {names(sequences)}"
        if not sequences:
            scene.head = f"The producer writes {names(a for k, a in found if k == 'write')}"

    tell_write = tell_publish

    def tell_ask(self, scene, found):
        state = scene.state
        scene.head = f"The {scene.thread}'s thread asks for {found[0][1]} shards"
        busy = [f"worker {shard['owner']} is in old shard {i}"
                for i, shard in enumerate(state["divisions"][0]["shards"]) if shard["owner"]]
        scene.text = "Nobody stops: " + (" and ".join(busy) or "no shard is owned") + "."

    def tell_begin(self, scene, found):
        cuts = [about for kind, about in found if kind == "tentative"]
        if not cuts:
            scene.head = f"The {scene.thread}'s thread is the changer"
            return
        self.tentative = cuts[0]
        shown = max(shard["sequence"] for shard in scene.state["divisions"][0]["shards"]
                    if shard["sequence"] is not None)
        scene.head = f"begin: a tentative cut is placed at T = {self.tentative}"
        scene.text = (f"One past what the foremost old shard shows ({shown})."
                      if self.tentative == shown + 1 else "All below it is available.")
        scene.text += " Who owns an old shard after its visit has seen T, and stops below it."

    tell_tentative = tell_begin

    def tell_want(self, scene, found):
        shard = found[0][1][1]
        owner = scene.state["divisions"][0]["shards"][shard]["owner"]
        scene.head = f"visit: old shard {shard} is owned by worker {owner}, and is marked wanted"
        scene.text = ("The owner gives it up after its batch. The changer does not wait: "
                      "the next one who comes by goes on.")

    def tell_unwant(self, scene, found):
        scene.head = f"visit: old shard {found[0][1][1]} is not wanted any more"

    def tell_visit(self, scene, found):
        shard = found[0][1][1]
        self.processed[shard] = scene.state["divisions"][0]["shards"][shard]["processed"]
        scene.head = f"visit: {scene.thread}, the changer, becomes the owner of old shard {shard}"
        scene.text = f"It has processed its events below {self.processed[shard]}"
        if self.processed[shard] > self.tentative:
            scene.text += ": beyond T, for its owner had not seen T yet"
        scene.text += "."

    def tell_visited(self, scene, found):
        shard = found[0][1][1]
        scene.head = f"visit: the changer gives old shard {shard} up"
        if len(self.processed) == 1:
            scene.text = "Its next owner sees the cut, by the hand-over of ownership: no fence."

    def tell_set_up(self, scene, found):
        state, division = scene.state, scene.state["divisions"][1]
        cut = state["change"]["cut"]
        first = [f"{i} at {division['shards'][i]['next']}" for i in range(division["width"])]
        scene.head = f"install: the new shards are set up from C = {cut} on, and count in the gate"
        read = names([self.processed[shard] for shard in sorted(self.processed)])
        scene.text = (f"C is the highest of T = {self.tentative} and of what was read ({read}). "
                      f"They begin: {', '.join(first)}.")
        if not found:
            raise Unfit("a division without shards")

    def tell_final(self, scene, found):
        self.cut = found[0][1]
        state = scene.state
        left = [f"{names(own)} of old shard {i}"
                for i, shard in enumerate(state["divisions"][0]["shards"])
                if shard["sequence"] is not None and
                (own := self.owned(0, i, state, shard["next"], self.cut))]
        scene.head = f"install: the cut is final at C = {self.cut}"
        scene.text = (f"Below it only the old shards, from it on only the new ones. Left below it: "
                      f"{', '.join(left) or 'nothing'}.")

    def tell_take(self, scene, found):
        division, shard = found[0][1]
        handled = [about for kind, about in found if kind == "handle"]
        scene.head = f"{scene.thread} takes {name_of(division, shard)}"
        if handled:
            scene.head += f" and handles {names(handled)}"
        owners = [[s["owner"] for s in d["shards"] if s["owner"] not in (0, "changer")]
                  for d in scene.state["divisions"]]
        if all(owners) and not self.beside:
            self.beside = True
            scene.text = (f"Old and new shards run side by side: worker {owners[0][0]} below C, "
                          f"worker {owners[1][0]} from C on.")

    def tell_handle(self, scene, found):
        sequence = found[0][1]
        slot = next(s for s in scene.state["slots"] if s["sequence"] == sequence)
        scene.head = (f"{scene.thread} handles {sequence} "
                      f"({name_of(int(self.is_new(scene.state, slot)), slot['shard'])})")

    def is_new(self, state, slot):
        """Whether a slot was handled by the new division: the widths differ."""
        return slot["shards"] != state["divisions"][0]["width"]

    def tell_done(self, scene, found):
        division, shard = found[0][1]
        old, new = (state["divisions"][division]["shards"][shard]
                    for state in (scene.before, scene.state))
        own = self.owned(division, shard, scene.state, old["next"], new["processed"])
        scene.head = f"{scene.thread} has done {names(own)}"
        scene.head += f" and gives {name_of(division, shard)} up" if not new["owner"] else ""
        if ("leave", (division, shard)) in found:
            scene.head = (f"leave: {scene.thread} has done {names(own)}; "
                          f"{name_of(division, shard)} leaves")
            scene.text = f"It owns nothing below C = {self.cut} any more, and the cut is final."

    def tell_give(self, scene, found):
        scene.head = f"{scene.thread} gives {name_of(*found[0][1])} up"

    def tell_leave(self, scene, found):
        scene.head = (f"leave: old shard {found[0][1][1]} is vacant, and {scene.thread}, "
                      "the changer, makes it leave")
        scene.text = f"It owns nothing below C = {self.cut}."

    def tell_over(self, scene, _):
        scene.head = (f"The last old shard has left: the change is over, "
                      f"{scene.state['change']['target']} shards")
        scene.text = "The run checks that each event is handled once, and comes out in order."

    def tell_output(self, scene, found):
        before, now = scene.before["output"], found[0][1]
        scene.head = f"Output {before} -> {now}"
        scene.text = ""
        if now == self.run["events"] - 1:
            scene.head += f": all {self.run['events']} events have come out, each once, in order"
            scene.key = True
        else:
            scene.head += (f": {names(range(before + 1, now + 1))} have come out in order; "
                           "their slots are free")


def story(run):
    """The scenes of a run, told. Unfit if there is no change in it, or more than one."""
    if run["failed"]:
        raise Unfit("the run failed")
    frames = run["frames"]
    if [frames[0]["current"], frames[-1]["current"]] != [0, 1] or \
            frames[-1]["change"]["settled"] != frames[-1]["change"]["target"]:
        raise Unfit("one change is drawn, from its beginning to its end")
    scenes = scenes_of(frames)
    teller = Teller(run)
    for scene in scenes:
        teller.tell(scene)
    return scenes


def main():
    parser = argparse.ArgumentParser(
        description="Draws the frames of a re-division, as sim_explorer --frames writes them, as "
                    "an animated SVG.")
    parser.add_argument("frames", help="the JSON of the explorer")
    parser.add_argument("picture", help="the SVG that is written")
    options = parser.parse_args()
    try:
        with open(options.frames, encoding="utf-8") as file:
            run = json.load(file)
        picture = frames_picture.draw(run, story(run))
        with open(options.picture, "w", encoding="utf-8") as file:
            file.write(picture)
    except (OSError, ValueError, KeyError, Unfit) as error:
        print(f"frames.py: {options.frames}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
