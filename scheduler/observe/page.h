/* SPDX-License-Identifier: MIT */
/* The page of a report, as a string; made from report/ by report/embed.py. */
#ifndef TAKT_SCHEDULER_OBSERVE_PAGE_H
#define TAKT_SCHEDULER_OBSERVE_PAGE_H

extern const unsigned char takt__page[];

#endif
