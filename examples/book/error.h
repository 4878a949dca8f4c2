/* SPDX-License-Identifier: MIT */
/* The words for what can go wrong in takt-book. */
#ifndef TAKT_BOOK_ERROR_H
#define TAKT_BOOK_ERROR_H

/*
 * The text of an enum book_error, or of one of takt's own codes: a constant string, never NULL,
 * that goes on from "FILE: byte N: ". Any thread.
 */
const char *book_strerror(int code);

#endif
