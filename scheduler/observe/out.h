/* SPDX-License-Identifier: MIT */
/*
 * A file that is written from front to back, under another name until it is complete. Errors are
 * kept until it is closed.
 */
#ifndef TAKT_SCHEDULER_OBSERVE_OUT_H
#define TAKT_SCHEDULER_OBSERVE_OUT_H

#include <takt/base.h>

struct takt__out {
    int fd;
    int os_error;  /* the first; what is written after it goes nowhere */
    bool in_place; /* under its own name all the time */
    size_t used;
    uint32_t bits; /* of base64 that do not make three bytes yet, */
    uint32_t bytes;
    char path[4096], part[4128];
    char buffer[65536];
};

/* TAKT_EFILE, errno says why. */
int takt__out_open(struct takt__out *out, const char *path);

/* TAKT_EFILE if anything went wrong; then there is no file, and errno says why. */
int takt__out_close(struct takt__out *out);

void takt__out_bytes(struct takt__out *out, const void *bytes, size_t size);
void takt__out_text(struct takt__out *out, const char *text);

/* As printf does; up to 512 bytes. */
__attribute__((format(printf, 2, 3))) void takt__out_format(struct takt__out *out,
                                                            const char *format, ...);

/* A string of JSON with its quotes, which may also stand inside a page's script element. */
void takt__out_string(struct takt__out *out, const char *text);

/* Base64, in as many pieces as one likes; the end pads it. */
void takt__out_base64(struct takt__out *out, const void *bytes, size_t size);
void takt__out_base64_end(struct takt__out *out);

#endif
