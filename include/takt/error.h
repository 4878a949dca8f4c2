/* SPDX-License-Identifier: MIT */
/*
 * The one table of errors. Every function that can fail returns 0 or a positive result on success
 * and one of these negative codes otherwise. Handlers return their own codes at or below
 * TAKT_EUSER, or any of these.
 */
#ifndef TAKT_ERROR_H
#define TAKT_ERROR_H

#include <takt/base.h>

/* X(name, value, text) */
#define TAKT_ERRORS(X)                                                                             \
    X(TAKT_EINVAL, -1, "invalid argument")                                                         \
    X(TAKT_ENOMEM, -2, "out of memory")                                                            \
    X(TAKT_ECAPACITY, -3, "capacity is not a power of two, or out of range")                       \
    X(TAKT_EEVENTSIZE, -4, "event size is zero or too large")                                      \
    X(TAKT_EALIGN, -5, "alignment is not a power of two, or does not divide the event size")       \
    X(TAKT_EFULL, -6, "the ring has no room")                                                      \
    X(TAKT_ETIMEDOUT, -7, "the deadline has passed")                                               \
    X(TAKT_EHALTED, -8, "halted")                                                                  \
    X(TAKT_EALERTED, -9, "the sequence barrier was alerted")                                       \
    X(TAKT_ESTATE, -10, "not possible in the present state")                                       \
    X(TAKT_ELIMIT, -11, "a fixed limit is reached")                                                \
    X(TAKT_ETHREAD, -12, "a thread could not be started")                                          \
    X(TAKT_EGRAPH, -13, "the stages do not form a pipeline")                                       \
    X(TAKT_ENOCONSUMER, -14, "the ring has no consumer")                                           \
    X(TAKT_EBLOCK, -15, "block is not a power of two, or larger than the ring")                    \
    X(TAKT_EWIDTH, -16, "the number of shards is out of range")                                    \
    X(TAKT_EHANDLER, -17, "the handler failed without saying why")                                 \
    X(TAKT_EFILE, -18, "a file could not be written")                                              \
    X(TAKT_ERUNNING, -19, "the pipeline runs: stop it first")

#define TAKT__ERROR_ENUM(name, value, text) name = value,
enum takt_error { TAKT_OK = 0, TAKT_ERRORS(TAKT__ERROR_ENUM) TAKT_EUSER = -1000 };
#undef TAKT__ERROR_ENUM

TAKT__DECLS_BEGIN

/*
 * The text of an error code: a constant string, never NULL. Codes at or below TAKT_EUSER give
 * "error of a handler". Any thread, never blocks.
 */
const char *takt_strerror(int code);

/* The name of an error code as it stands in the table ("TAKT_EINVAL"), or "TAKT_EUSER". */
const char *takt_error_name(int code);

TAKT__DECLS_END

#endif
