/* SPDX-License-Identifier: MIT */
/* The cases, file by file; each list ends with one that has no name. */
#ifndef TAKT_TEST_SIM_CASES_H
#define TAKT_TEST_SIM_CASES_H

#include "sim.h"

extern const struct sim_case sim_model_cases[];    /* case_model.c */
extern const struct sim_case sim_ring_cases[];     /* case_ring.c */
extern const struct sim_case sim_wait_cases[];     /* case_wait.c */
extern const struct sim_case sim_edge_cases[];     /* case_edge.c */
extern const struct sim_case sim_graph_cases[];    /* case_graph.c */
extern const struct sim_case sim_cut_cases[];      /* case_cut.c */
extern const struct sim_case sim_change_cases[];   /* case_change.c */
extern const struct sim_case sim_round_cases[];    /* case_round.c */
extern const struct sim_case sim_park_cases[];     /* case_park.c */
extern const struct sim_case sim_waiting_cases[];  /* case_waiting.c */
extern const struct sim_case sim_payload_cases[];  /* case_payload.c */
extern const struct sim_case sim_pipeline_cases[]; /* case_pipeline.c */
extern const struct sim_case sim_duty_cases[];     /* case_duty.c */
extern const struct sim_case sim_tap_cases[];      /* case_tap.c */
extern const struct sim_case sim_life_cases[];     /* case_life.c */

#endif
