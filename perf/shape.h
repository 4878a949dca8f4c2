/* SPDX-License-Identifier: MIT */
/* The shapes by their names. */
#ifndef TAKT_PERF_SHAPE_H
#define TAKT_PERF_SHAPE_H

#include "bench.h"

static inline const char *perf_shape_name(enum perf_shape shape)
{
    switch (shape) {
    case PERF_UNICAST: return "unicast";
    case PERF_POLLER: return "poller";
    case PERF_MULTICAST: return "multicast";
    case PERF_PIPELINE: return "pipeline";
    case PERF_DIAMOND: return "diamond";
    case PERF_SEQUENCER: return "sequencer";
    case PERF_PINGPONG: return "pingpong";
    case PERF_STAGES: return "stages";
    case PERF_CHAIN: return "chain";
    case PERF_OTHER: break;
    }
    return "other";
}

#endif
