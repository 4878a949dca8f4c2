/* SPDX-License-Identifier: MIT */
/* The progress bar. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SECOND   UINT64_C(1000000000)
#define INTERVAL (SECOND / 10)
#define BAR_MOST 40 /* as long as the strings in draw() */

uint64_t progress_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress)
{
    uint64_t now = progress_clock();

    *progress = (struct progress){.on = isatty(STDERR_FILENO), .begun_ns = now, .shown_ns = now};
}

/* The bar takes what the words leave of the line. */
static int bar_width(int words)
{
    struct winsize size;
    int columns = 80, width;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    width = columns - words - 4;
    return width < 0 ? 0 : width > BAR_MOST ? BAR_MOST : width;
}

/* Standard error has no buffer: the line goes out in one piece, or it would flicker. */
static void draw(double part, const char *words)
{
    static const char full[] = "########################################";
    static const char empty[] = "........................................";
    int width = bar_width((int)strlen(words)), filled = (int)(part * width);

    fprintf(stderr, "\r[%.*s%.*s] %s\033[K", filled, full, width - filled, empty, words);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t messages)
{
    char words[128];
    uint64_t now;
    double seconds, millions = (double)messages / 1e6, part;
    unsigned left;

    if (!progress->on)
        return;
    now = progress_clock();
    if (now - progress->shown_ns < INTERVAL)
        return;
    progress->shown_ns = now;
    progress->shown = true;
    seconds = (double)(now - progress->begun_ns) / (double)SECOND;
    if (total == 0 || done == 0) {
        fprintf(stderr, "\r%.1f MB, %.2f M messages, %.2f M/s\033[K", (double)done / 1e6, millions,
                millions / seconds);
        return;
    }
    part = done < total ? (double)done / (double)total : 1;
    left = (unsigned)(seconds / part * (1 - part) + 0.5);
    snprintf(words, sizeof(words), "%3.0f%%, %.2f M messages, %.2f M/s, %u:%02u left", part * 100,
             millions, millions / seconds, left / 60, left % 60);
    draw(part, words);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
