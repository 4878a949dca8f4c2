/* SPDX-License-Identifier: MIT */
/*
 * ITCH messages put together by hand, for the tests of the decoder: field by field, with nothing of
 * the decoder's own table in them.
 */
#ifndef TAKT_TEST_ITCH_MESSAGE_H
#define TAKT_TEST_ITCH_MESSAGE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "itch.h"

/* A message that grows field by field. */
struct message {
    uint8_t bytes[256];
    size_t length;
};

static inline void number(struct message *m, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--)
        m->bytes[m->length++] = (uint8_t)(value >> 8 * i);
}

static inline void text(struct message *m, const char *characters)
{
    size_t length = strlen(characters);
    memcpy(m->bytes + m->length, characters, length);
    m->length += length;
}

#define LOCATE 0x1234
#define TIME   0x0a0b0c0d0e0full

static inline struct message header(char type)
{
    struct message m = {.length = 0};
    number(&m, (uint8_t)type, 1);
    number(&m, LOCATE, 2);
    number(&m, 0xffee, 2); /* tracking number: kept by nobody */
    number(&m, TIME, 6);
    return m;
}

/* What an event holds before it is decoded into: a pattern that no message makes. */
static inline struct book_event untouched(void)
{
    struct book_event e;
    memset(&e, 0x5a, sizeof(e));
    return e;
}

/* Decodes from memory of exactly the message's size, so that the sanitizers see a read beyond. */
static inline int decode(const struct message *m, struct book_event *e)
{
    uint8_t *exact = malloc(m->length ? m->length : 1);
    cr_assert_not_null(exact);
    memcpy(exact, m->bytes, m->length);
    int result = itch_decode(exact, m->length, e);
    free(exact);
    return result;
}

#endif
