#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer in another language for perf_test.py: the protocol of perf/external.h, kept and broken.

The name of the system that is asked for says which. It keeps a count of its requests in "ns" of
x-good, so that the test sees that one process serves many runs.
"""

import json
import sys
import time

FIELDS = {"system", "scenario", "shape", "events", "event_size", "batch", "capacity", "cost",
          "cost_then", "turn", "rate", "time_ns", "cpus"}


def answer(request):
    name, events = request["system"], request["events"]
    good = {"ns": events * 1000, "checksum": str(events * 3)}
    if name == "x-good":
        if set(request) != FIELDS or request["shape"] != "unicast" or request["batch"] != 7:
            return {"error": f"not the request that was promised: {sorted(request)}"}
        return good | {"latency": [[500, 1], [1000, 98], [9000, 1]]}
    if name == "x-wrong":
        return good | {"checksum": str(events * 3 + 1)}
    if name == "x-error":
        return {"error": "I would rather not"}
    if name == "x-exit":
        sys.exit(5)
    if name == "x-hang":
        time.sleep(600)
    if name == "x-unasked":
        return good
    if name == "x-no-sum":
        return {"ns": 1000}
    if name == "x-bad-latency":
        return good | {"latency": [[1], "two"]}
    return None


def main():
    for line in sys.stdin:
        said = answer(json.loads(line))
        print("Hello?" if said is None else json.dumps(said), flush=True)
        if "x-unasked" in line:
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
