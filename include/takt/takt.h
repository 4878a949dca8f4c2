/* SPDX-License-Identifier: MIT */
/*
 * takt: event pipelines on ring buffers, with sharded stages and a scheduler that moves the cores
 * to where the backlog costs most. This header includes all the others but takt/jemalloc.h, which
 * belongs to an archive of its own.
 */
#ifndef TAKT_TAKT_H
#define TAKT_TAKT_H

#include <takt/alloc.h>
#include <takt/barrier.h>
#include <takt/batch.h>
#include <takt/clock.h>
#include <takt/consumer.h>
#include <takt/counters.h>
#include <takt/error.h>
#include <takt/observe.h>
#include <takt/payload.h>
#include <takt/pipeline.h>
#include <takt/policy.h>
#include <takt/ring.h>
#include <takt/sequence.h>
#include <takt/source.h>
#include <takt/tap.h>
#include <takt/trace.h>
#include <takt/version.h>
#include <takt/wait.h>

#endif
