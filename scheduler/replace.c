/* SPDX-License-Identifier: MIT */
/* Replacing a stage's handler: the program's side of it. What happens then is told in cut.h. */
#include <takt/clock.h>

#include "disruptor/backoff.h"
#include "scheduler/runtime.h"
#include "shard/cut.h"

static enum takt__state state_of(const takt_stage *stage)
{
    return (enum takt__state)takt__ld32_acq(&stage->pipeline->state); /* acquire [pairs: state] */
}

/*
 * The whole change, and the rest of one before it, in a pipeline that does not run, where nobody
 * else takes them further but who asks for another; that one finds us at it and leaves it to us.
 */
static void change_at_rest(takt_stage *stage)
{
    while (state_of(stage) != TAKT__STATE_RUNNING && !takt__cut_settled(&stage->core) &&
           takt__cut_step(&stage->core))
        takt__fence(); /* between leaving off and looking for what was asked meanwhile */
}

int takt_stage_replace(takt_stage *stage, const takt_replacement *replacement)
{
    if (!stage || !replacement || replacement->size != sizeof *replacement ||
        !replacement->handler || (replacement->on_handover && !stage->core.ordered))
        return TAKT_EINVAL;
    if (state_of(stage) > TAKT__STATE_STOPPED)
        return TAKT_ESTATE;
    takt__cut_replace(&stage->core, &(struct takt__code){
                                        .handler = replacement->handler,
                                        .context = replacement->context,
                                        .on_handover = replacement->on_handover,
                                        .on_retired = replacement->on_retired,
                                    });
    change_at_rest(stage);
    /* It may run, or have been started meanwhile, and a worker have been turned away by us. */
    takt__runtime_step_cut(stage->pipeline->runtime, &stage->core);
    return 0;
}

int takt_stage_settle(takt_stage *stage, int64_t deadline)
{
    if (!stage)
        return TAKT_EINVAL;
    struct takt__backoff backoff = {0};
    for (;;) {
        /* Looked at first: what is not settled when the pipeline has ended never will be. */
        enum takt__state state = state_of(stage);
        if (takt__cut_settled(&stage->core))
            return 0;
        if (state != TAKT__STATE_RUNNING)
            return TAKT_ESTATE;
        if (takt_now() >= deadline)
            return TAKT_ETIMEDOUT;
        takt__runtime_step_cut(stage->pipeline->runtime, &stage->core);
        takt__backoff_wait(&backoff, deadline);
    }
}
