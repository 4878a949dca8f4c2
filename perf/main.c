/* SPDX-License-Identifier: MIT */
/* takt-perf: microbenchmarks of takt beside its peers and the bare machine. */
#include "bench.h"
#include "external.h"
#include "work.h"

void perf_add_system(const struct perf_system *system)
{
    (void)system;
}

void perf_add_scenario(const struct perf_scenario *scenario)
{
    (void)scenario;
}

int main(void)
{
    return 0;
}
