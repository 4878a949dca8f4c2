/* SPDX-License-Identifier: MIT */
/*
 * Several pipelines in one runtime: one apportionment of its workers over the stages of all of them
 * by D'Hondt's method. What a pipeline's stages win is what its policy then shares out among them.
 *
 * The votes of a stage are its part of its pipeline's demand, times the pipeline's weight:
 *
 *     weight x demand of the stage / demand of all stages of the pipeline
 *
 * so that the stages of a pipeline have as many votes together as it has weight. Demand itself must
 * not be the votes. Of a pipeline that has more to do than it gets workers for, the rate is what it
 * was given before: with votes by rate whoever has more would get more the next time, until the
 * other had nothing. And the backlog is as long as the ring, which says how the pipeline was built
 * and not how much it needs.
 *
 * What demand does say is how many workers a stage can use at most, and it wins no more than these.
 * So a pipeline with little to do takes little, whatever its weight, and one in which nothing flows
 * is no claimant and takes nothing. Workers that nobody wants are not kept from anybody: every
 * pipeline may count on them too. A width says how many workers may be in a stage at once, so that
 * the widths of all pipelines need not add up to the workers that there are; which of them a worker
 * serves when both have work is decided slice by slice, by the same weights (choice.h).
 *
 * That the policy shares out again what the stages have won here changes nothing where the rule and
 * the costs are those of this file (the default's are), and no limit binds: seats go to the highest
 * quotients, and the highest n of a part of the stages are the same ones whether other stages stand
 * beside them or not. A pipeline that is alone gets all workers.
 */
#include "scheduler/share.h"

#include "scheduler/policy.h"

static double votes_of(const takt_load *load)
{
    double votes = load->weight * takt__demand(load, TAKT__CATCH_UP_S);
    return votes > 0 && !load->done ? votes : 0;
}

/* How many workers a stage can use: its demand, rounded up, within its limit. */
static uint32_t most_of(const takt_load *load)
{
    double demand = takt__demand(load, TAKT__CATCH_UP_S);
    if (!(demand < load->most))
        return load->most;
    uint32_t whole = demand > 0 ? (uint32_t)demand : 0;
    return whole + (demand > whole);
}

/* Puts a claimant's stages on the list; how many of them there was room for. */
static uint32_t enlist(const struct takt__claimant *claimant, struct takt__party *parties,
                       uint32_t room)
{
    uint32_t count = claimant->count < room ? claimant->count : room;
    double all = 0;
    for (uint32_t i = 0; i < count; i++)
        all += votes_of(&claimant->loads[i]);
    for (uint32_t i = 0; i < count; i++) {
        const takt_load *load = &claimant->loads[i];
        parties[i] = (struct takt__party){
            .cost = all > 0 ? claimant->weight * votes_of(load) / all : 0,
            .most = most_of(load),
            .done = load->done,
        };
    }
    return count;
}

void takt__share(struct takt__claimant *claimants, uint32_t count, uint32_t workers)
{
    struct takt__party parties[TAKT__PARTIES_MAX];
    uint32_t n = 0, won = 0, left;
    for (uint32_t i = 0; i < count; i++)
        n += enlist(&claimants[i], parties + n, TAKT__PARTIES_MAX - n);
    left = workers - takt__apportion(parties, n, workers, TAKT_RULE_DHONDT);
    const struct takt__party *party = parties;
    for (uint32_t i = 0; i < count; i++, won = 0) {
        for (uint32_t k = 0; k < claimants[i].count && party < parties + n; k++)
            won += party++->seats;
        claimants[i].workers = won + left > 0 ? won + left : 1;
    }
}
