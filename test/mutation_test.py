#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that tools/mutation finds the mutants that its rules promise, names and tells them. TAP."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from mutation import builds, ladder, rules, table  # noqa: E402 (found by the line above)
from points import main, test  # noqa: E402

SOURCE = """/* takt__ld32_acq(p) and if (this) are words. */
#define HIDDEN(p) takt__ld32_acq(p)
static const struct thing table[] = {{"if (x)", 1}};

static bool first(struct thing *t)
{
    uint32_t a = takt__ld32_acq(&t->a); /* acquire [pairs: a] */
    if (a &&
        takt_sequence_get(&t->s) > 1)
        takt__sequence_wake(t->sleepers);
    else
        takt__park_wake_one(t->park);
    takt__fence();
    return a;
}

int second(struct thing *t, const char *text)
{
    while (!takt__cas32(&t->a, 0, 1))
        takt__pause();
    takt_sequence_set(&t->s, sum(1, 2)); // takt__fence()
    if (text[0] == ')')
        takt__st64_rel(&t->b, 2);
    return wake(t);
}
"""


def found():
    return {mutant.name: mutant for mutant in rules.find("a.c", SOURCE)}


def applied(name):
    return found()[name].apply(SOURCE)


@test
def each_rule_finds_its_places_and_no_others():
    assert list(found()) == [
        "a.c:first:acquire:1", "a.c:first:false:1", "a.c:first:true:1", "a.c:first:acquire:2",
        "a.c:first:wake:1", "a.c:first:wake:2", "a.c:first:fence:1", "a.c:second:false:1",
        "a.c:second:swap:1", "a.c:second:release:1", "a.c:second:wake:1", "a.c:second:false:2",
        "a.c:second:true:1", "a.c:second:release:2"], list(found())


@test
def a_mutant_changes_its_place_and_no_line_after_it():
    for mutant in found().values():
        changed = mutant.apply(SOURCE)
        assert changed != SOURCE and changed.count("\n") == SOURCE.count("\n"), mutant.name
        assert changed.split("\n")[mutant.line - 1] != SOURCE.split("\n")[mutant.line - 1]


@test
def what_is_put_in_place_is_what_the_rule_says():
    for name, text in [
            ("a.c:first:acquire:1", "uint32_t a = takt__ld32_rlx(&t->a); /* acquire"),
            ("a.c:first:acquire:2", "takt__load_relaxed(&(&t->s)->value) > 1)"),
            ("a.c:first:fence:1", "    (void)0;\n    return a;"),
            ("a.c:first:wake:2", "    else\n        (void)0;"),
            ("a.c:first:true:1", "takt_sequence_get(&t->s) > 1) || true)"),
            ("a.c:second:false:1", "while ((!takt__cas32(&t->a, 0, 1)) && false)"),
            ("a.c:second:swap:1", "takt__cas32_rlx(&t->a, 0, 1)"),
            ("a.c:second:release:1", "takt__store_relaxed(&s_->value, (sum(1, 2)))"),
            ("a.c:second:wake:1", "takt__store_release(&s_->value, (sum(1, 2)))"),
            ("a.c:second:true:1", "if ((text[0] == ')') || true)")]:
        assert text in applied(name), applied(name)


@test
def names_do_not_move_with_lines():
    moved = {mutant.name: mutant.line for mutant in rules.find("a.c", "\n\n" + SOURCE)}
    assert moved == {name: mutant.line + 2 for name, mutant in found().items()}


@test
def the_reason_of_a_failure_is_the_first_point_that_failed():
    assert builds.reason("1..2\nok 1 - a\nnot ok 2 - b\nnot ok 3 - c\n") == "b"
    assert builds.reason("not ok - ring::full  (0.02s)\n  ---\n") == "ring::full"
    assert builds.reason("not ok 1 - x: y\n# 7 schedules in 0.1 s: all\n# a race\n"
                         "# in schedule 7 of the case\n") == "a race"


@test
def the_table_counts_what_is_no_mutant_apart_and_asks_for_reasons():
    verdicts = [ladder.Verdict(ladder.KILLED, "explorer/ring", "a race")] * 10
    verdicts += [ladder.Verdict(ladder.KILLED, "unit/wait", "")] * 2
    verdicts += [ladder.Verdict(ladder.SURVIVES), ladder.Verdict(ladder.NO_MUTANT, "", "")]
    page = table.Table(list(zip(found().values(), verdicts)), "`a.c:second`", "date", "revision")
    assert len(page.real) == 13 and round(page.percent(), 1) == 92.3, page.summary()
    assert page.unexplained() == []
    silent = table.Table(list(zip(found().values(), verdicts)), "a.c:second", "date", "revision")
    assert silent.unexplained() == ["a.c:second:true:1"]
    assert "| all | 13 | 10 | 2 | 0 | 1 | 92.3 % |" in page.text(), page.text()


if __name__ == "__main__":
    sys.exit(main())
