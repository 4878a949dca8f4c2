/* SPDX-License-Identifier: MIT */
/*
 * The least of a set of sequences that change one at a time, and which one it is: a binary tree in
 * an array, each node the lesser of its children.
 */
#ifndef TAKT_SIM_TREE_H
#define TAKT_SIM_TREE_H

#include <stdint.h>

#define SIM_TREE_LEAVES 512
#define SIM_NEVER       INT64_MAX

struct sim_tree {
    uint32_t leaves; /* in use: a power of two */
    int64_t node[2 * SIM_TREE_LEAVES];
};

static inline void sim_tree_init(struct sim_tree *tree, uint32_t members)
{
    tree->leaves = 1;
    while (tree->leaves < members)
        tree->leaves *= 2;
    for (uint32_t i = 0; i < 2 * tree->leaves; i++)
        tree->node[i] = SIM_NEVER;
}

static inline void sim_tree_set(struct sim_tree *tree, uint32_t member, int64_t value)
{
    uint32_t at = tree->leaves + member;
    tree->node[at] = value;
    while (at > 1) {
        int64_t other = tree->node[at ^ 1], mine = tree->node[at];
        int64_t least = mine < other ? mine : other;
        at /= 2;
        if (tree->node[at] == least)
            break;
        tree->node[at] = least;
    }
}

static inline int64_t sim_tree_least(const struct sim_tree *tree)
{
    return tree->node[1];
}

/* The first member that has the least value. */
static inline uint32_t sim_tree_first(const struct sim_tree *tree)
{
    uint32_t at = 1;
    while (at < tree->leaves) {
        at *= 2;
        at += tree->node[at] != tree->node[at / 2];
    }
    return at - tree->leaves;
}

#endif
