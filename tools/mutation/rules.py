# SPDX-License-Identifier: MIT
"""Finds the mutants of the code in the text of its sources, by rule.

A rule is a regular expression and what is put in the place of a match. Comments, strings and
preprocessor lines are not looked at. A mutant's name says where it is without a line's number, so
that it stays the same while other code changes: file, function, rule, and which one of several.

    acquire    an acquire load is relaxed
    release    a release store is relaxed
    swap       a compare-and-swap or an addition is relaxed
    fence      a fence, a compiler barrier or a barrier of all threads is left out
    wake       a call that wakes somebody is left out, or a sequence moved without a look at its
               sleepers
    true       the condition of an `if` is evaluated, and holds whatever it is
    false      it does not hold, whatever it is; that of a `while` likewise
"""

import bisect
import re
from dataclasses import dataclass

ORDERINGS = ["acquire", "release", "swap", "fence"]
KINDS = [*ORDERINGS, "wake", "true", "false"]


@dataclass
class Mutant:
    name: str
    kind: str
    file: str
    function: str
    line: int
    text: str  # the line as it stands
    begin: int  # what is replaced in the file, and by what
    end: int
    new: str
    explorer_only: bool  # in the explorer alone: the machine has only one form of it

    def apply(self, source):
        return source[:self.begin] + self.new + source[self.end:]


def mask(source):
    """The source with blanks for comments, strings and preprocessor lines."""
    blank = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
                       r"|^[ \t]*#(?:\\\n|[^\n])*", re.DOTALL | re.MULTILINE)
    return blank.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def functions(masked):
    """(begin, end, name) of each function's body."""
    found, depth, head, begin, name = [], 0, 0, 0, None
    for match in re.finditer(r"[{};]", masked):
        at, what = match.start(), match[0]
        if what == "{":
            if depth == 0:
                heading = re.search(r"(\w+)\s*\(", masked[head:at])
                begin, name = at, heading[1] if heading else None
            depth += 1
        elif what == "}":
            depth -= 1
            if depth == 0 and name:
                found.append((begin, at, name))
        if depth == 0:
            head = at + 1
    return found


def closing(masked, at):
    """Where the parenthesis that opens at `at` closes."""
    depth = 0
    for match in re.finditer(r"[()]", masked[at:]):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return at + match.start()
    raise ValueError("a parenthesis that does not close")


def arguments(masked, source, at):
    """The texts between the commas of a call whose parenthesis opens at `at`."""
    end, depth, parts, start = closing(masked, at), 0, [], at + 1
    for i in range(at + 1, end):
        depth += (masked[i] in "([{") - (masked[i] in ")]}")
        if masked[i] == "," and depth == 0:
            parts.append(source[start:i])
            start = i + 1
    return [part.strip() for part in [*parts, source[start:end]]]


def lines_of(text, new):
    """The new text with as many line ends as the old: what follows keeps its lines."""
    return new + "\n" * (text.count("\n") - new.count("\n"))


# rule, expression, what is put in its place, explorer only
WORDS = [
    ("acquire", r"\btakt__ld(32|64)_acq\b", r"takt__ld\1_rlx", False),
    ("acquire", r"\btakt__ldp_acq\b", "takt__ldp_rlx", True),
    ("acquire", r"\btakt__load_acquire\b", "takt__load_relaxed", False),
    ("release", r"\btakt__st(32|64)_rel\b", r"takt__st\1_rlx", False),
    ("release", r"\btakt__stp_rel\b", "takt__stp_rlx", True),
    ("release", r"\btakt__store_release\b", "takt__store_relaxed", False),
    ("swap", r"\btakt__(cas|add)(32|64)(?=\()", r"takt__\1\2_rlx", True),
    ("fence", r"\btakt__(?:compiler_)?fence\(\)", "(void)0", False),
    ("fence", r"\btakt__barrier_everywhere\(\)", "true", False),
    ("fence", r"\bmembarrier\(MEMBARRIER_CMD_PRIVATE_\w+\)", "0L", False),
]

SET = ("({{ takt_sequence *s_ = ({0}); takt__store_{2}(&s_->value, ({1})); "
       "takt__compiler_fence(); {3}; }})")
LOOK = "if (takt__load32_relaxed(&s_->sleepers)) takt__sequence_wake(s_)"


def words(source, masked):
    for kind, expression, new, explorer_only in WORDS:
        for match in re.finditer(expression, masked):
            yield kind, match.start(), match.end(), match.expand(new), explorer_only


def calls(source, masked):
    """Each use of takt_sequence_get and _set, and each call that wakes."""
    for match in re.finditer(r"\btakt_sequence_([gs])et(?=\()", masked):
        end = closing(masked, match.end()) + 1
        given = arguments(masked, source, match.end())
        if match[1] == "g":
            yield "acquire", match.start(), end, f"takt__load_relaxed(&({given[0]})->value)", False
        else:
            for kind, order, look in [("release", "relaxed", LOOK), ("wake", "release", "(void)0")]:
                yield kind, match.start(), end, SET.format(*given, order, look), False
    for match in re.finditer(r"(?:[;{}):]|\belse)\s*(takt__\w*wake\w*|syscall)(?=\()", masked):
        end = closing(masked, match.end()) + 1
        if match[1] == "syscall" and "FUTEX_WAKE" not in masked[match.end():end]:
            continue
        yield "wake", match.start(1), end, "(void)0", False


def checks(source, masked):
    for match in re.finditer(r"\b(if|while)\s*(?=\()", masked):
        end = closing(masked, match.end()) + 1
        condition = source[match.end():end]
        if match[1] == "if":
            yield "true", match.end(), end, f"({condition} || true)", False
        yield "false", match.end(), end, f"({condition} && false)", False


def find(file, source):
    """The mutants of a source, in the order of its lines."""
    masked = mask(source)
    bodies = functions(masked)
    starts = [0, *(match.end() for match in re.finditer("\n", source))]
    places = [place for rule in (words, calls, checks) for place in rule(source, masked)]
    count, mutants = {}, []
    for kind, begin, end, new, explorer_only in sorted(places, key=lambda p: (p[1], p[0])):
        function = next((name for first, last, name in bodies if first < begin < last), None)
        if not function:
            continue
        place = f"{file}:{function}:{kind}"
        count[place] = count.get(place, 0) + 1
        line = bisect.bisect_right(starts, begin)
        text = source[starts[line - 1]:].split("\n", 1)[0].strip()
        new = lines_of(source[begin:end], new)
        mutants.append(Mutant(f"{place}:{count[place]}", kind, file, function, line, text, begin,
                              end, new, explorer_only))
    return mutants
