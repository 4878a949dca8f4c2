/* SPDX-License-Identifier: MIT */
/*
 * What a case shows of itself to --frames, frame by frame: a ring, a stage under a change of its
 * division, and what comes after it. A case calls sim_scene once it has set up; from then on every
 * change of what is shown makes a frame. Without --frames nothing is looked at.
 */
#ifndef TAKT_TEST_SIM_FRAMES_H
#define TAKT_TEST_SIM_FRAMES_H

#include "shard/stage.h"

/* What the ring's slots begin with. */
struct sim_slot {
    int64_t sequence; /* the event that was written there last */
    uint32_t handled; /* how often; `shard` of `shards` did it last */
    uint32_t shard, shards;
};

struct sim_scene {
    const takt_ring *ring;
    const struct takt__stage *stage;
    const takt_sequence *output; /* how far the stage after it has come */
    int64_t events;              /* there will be so many */
};

void sim_scene(const struct sim_scene *scene);

/* Looks at once: the running fibre has changed what no atomic access shows. */
void sim_frame(void);

/* --- the explorer's side, main.c and trace.c --- */

/* Opens the file for the frames of the next run; false, with errno, if that cannot be done. */
bool sim_frames_begin(const char *path, const char *name, const char *schedule);

/* Ends the file, and says how many frames it holds; -1, with errno, if it could not be written. */
int sim_frames_end(const char *failure);

#endif
