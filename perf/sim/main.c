#include "perf/sim/engine.h"
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
    uint32_t ws[] = {1, 2, 4, 16, 64, 256, 1024};
    const char *wl = argc > 1 ? argv[1] : "";
    const char *pol = argc > 2 ? argv[2] : "";
    for (uint32_t i = 0; sim_suite_at(i); i++) {
        const struct sim_workload *w = sim_suite_at(i);
        for (int k = 0; k < 7; k++)
            if (argc < 4 || atoi(argv[3]) == (int)ws[k])
                for (uint32_t p = 0; takt_policy_at(p); p++) {
                    struct sim_options o;
                    sim_options_init(&o);
                    if (*wl && *wl != '-' && sim_suite_find(wl) != w)
                        continue;
                    if (*pol && takt_policy_find(pol) != takt_policy_at(p))
                        continue;
                    o.workers = ws[k];
                    o.policy = takt_policy_at(p);
                    struct sim_result r;
                    clock_t c = clock();
                    if (!sim_run(w, &o, &r))
                        return 1;
                    printf("%-12s %5u %-12s eff %.3f busy %.3f settle %2u over %.2f rediv %5.0f "
                           "p50 %9.0f p99 %9.0f rev %u  %.0f/%.0f M/s  cpu %.0f ms\n",
                           w->name, o.workers, o.policy->name, r.efficiency, r.busy, r.settle_ticks,
                           r.overshoot, r.redivisions_per_s, r.p50_ns, r.p99_ns, r.reversals,
                           r.events_per_s / 1e6, r.bound_per_s / 1e6,
                           (double)(clock() - c) * 1000 / CLOCKS_PER_SEC);
                    fflush(stdout);
                }
    }
    return 0;
}
