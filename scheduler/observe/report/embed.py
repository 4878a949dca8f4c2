#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a string of C of a page: embed.py OUTPUT.c PAGE.html PART...

Where the page says {{NAME}}, the part of that name is put in.
"""

import re
import sys
from pathlib import Path


def main(output, page, *parts):
    texts = {Path(part).name: Path(part).read_text(encoding="utf-8") for part in parts}
    used = set()

    def part(match):
        used.add(match[1])
        return texts[match[1]]

    text = re.sub(r"\{\{([\w.]+)\}\}", part, Path(page).read_text(encoding="utf-8"))
    unused = set(texts) - used
    if unused or text.count("@DATA@") != 1:
        sys.exit(f"{page}: unused: {sorted(unused)}, or not one @DATA@")
    data = text.encode() + b"\0"
    lines = [", ".join(str(byte) for byte in data[i:i + 20]) for i in range(0, len(data), 20)]
    body = ",\n    ".join(lines)
    Path(output).write_text(
        '#include "scheduler/observe/page.h"\n\n'
        f"const unsigned char takt__page[{len(data)}] = {{\n    {body}}};\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
