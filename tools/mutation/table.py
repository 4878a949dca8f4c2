# SPDX-License-Identifier: MIT
"""docs/mutants.md: what came of each mutant."""

from . import ladder, rules

HEAD = """# Mutants of the code

Written by `make mutants` on {date}, of the code as of commit {revision}; do not edit.
[verification.md](verification.md) says what is mutated and why each survivor does.

{summary}

| rule | mutants | killed by the explorer | by unit tests | by stress programs | survive | killed |
|---|---|---|---|---|---|---|
"""


class Table:
    def __init__(self, verdicts, told, date, revision):
        self.all = sorted(verdicts, key=lambda v: (v[0].file, v[0].line, v[0].name))
        self.real = [(m, v) for m, v in self.all if v.verdict != ladder.NO_MUTANT]
        self.told, self.date, self.revision = told, date, revision

    def survivors(self):
        return [mutant for mutant, verdict in self.real if verdict.verdict == ladder.SURVIVES]

    def percent(self):
        return 100 * (1 - len(self.survivors()) / max(1, len(self.real)))

    def summary(self):
        return (f"{len(self.real)} mutants, {len(self.survivors())} survive: "
                f"{self.percent():.1f} % are killed. "
                f"{len(self.all) - len(self.real)} more are none: "
                "they do not compile, or give the same machine code.")

    def unexplained(self):
        """Survivors that the text names neither in full nor by their function."""
        return [mutant.name for mutant in self.survivors()
                if f"`{mutant.name}`" not in self.told
                and f"`{mutant.file}:{mutant.function}`" not in self.told]

    def row(self, name, kinds):
        here = [verdict for mutant, verdict in self.real if mutant.kind in kinds]
        killed = [verdict for verdict in here if verdict.verdict == ladder.KILLED]
        by = [sum(verdict.by.startswith(who) for verdict in killed)
              for who in ["explorer/", "unit/", "stress/"]]
        percent = f"{100 * len(killed) / len(here):.1f} %" if here else ""
        return f"| {name} | {len(here)} | {by[0]} | {by[1]} | {by[2]} | " \
            f"{len(here) - len(killed)} | {percent} |\n"

    def text(self):
        out = HEAD.format(date=self.date, revision=self.revision, summary=self.summary())
        for kind in rules.KINDS:
            out += self.row(kind, [kind])
        out += self.row("all", rules.KINDS)
        out += "\n## Survivors\n\n| mutant | line | |\n|---|---|---|\n"
        for mutant in self.survivors():
            out += f"| `{mutant.name}` | {mutant.line} | `{cell(mutant.text)}` |\n"
        file = None
        for mutant, verdict in self.all:
            if mutant.file != file:
                file = mutant.file
                out += f"\n## {file}\n\n| line | mutant | |\n|---|---|---|\n"
            name = mutant.name[len(file) + 1:]
            out += f"| {mutant.line} | `{name}` | {fate(verdict)} |\n"
        return out


def cell(text):
    return text.replace("|", "\\|")


def fate(verdict):
    if verdict.verdict == ladder.KILLED:
        return f"{verdict.by}: {cell(verdict.why)}"
    if verdict.verdict == ladder.SURVIVES:
        return "**survives**" + (f" ({verdict.why})" if verdict.why else "")
    return verdict.why
