/* SPDX-License-Identifier: MIT */
/* takt-top on a terminal, with ncurses. */
#include "screen.h"

#include <curses.h>
#include <unistd.h>

#include "frame.h"

#define INTERVAL_MS 250

struct cursor {
    int row, first; /* of the picture; and the row that is shown first */
    int column;
};

static void put_text(void *context, enum style style, const char *text)
{
    struct cursor *cursor = context;
    int row = cursor->row - cursor->first;
    int height, width;
    getmaxyx(stdscr, height, width);
    if (row < 0 || row >= height - 1 || cursor->column >= width)
        return;
    attrset(style == TITLE ? A_BOLD : style == DIM ? A_DIM : A_NORMAL);
    if (style == GOOD || style == WARNING)
        attron(COLOR_PAIR((short)style));
    if (style == WARNING)
        attron(A_BOLD);
    if (cursor->column == 0)
        move(row, 0);
    addnstr(text, -1);
    int y;
    getyx(stdscr, y, cursor->column);
    if (y != row) /* it wrapped: the rest of the line is not shown */
        cursor->column = width;
    attrset(A_NORMAL);
}

static void end_line(void *context)
{
    struct cursor *cursor = context;
    cursor->row++;
    cursor->column = 0;
}

static void draw(const struct source *source, struct reading *reading, struct rates *rates,
                 bool unicode, int *first)
{
    struct cursor cursor = {.first = *first};
    struct canvas canvas = {put_text, end_line, &cursor, COLS, unicode};
    erase();
    frame_draw(&canvas, source, reading, rates);
    if (*first > 0 && cursor.row - *first < LINES - 1)
        *first = cursor.row > LINES - 1 ? cursor.row - LINES + 1 : 0;
    attrset(A_DIM);
    mvaddstr(LINES - 1, 0, "q leave   arrows scroll");
    attrset(A_NORMAL);
    refresh();
}

static void set_up(void)
{
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    timeout(INTERVAL_MS);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(GOOD, COLOR_CYAN, -1);
        init_pair(WARNING, COLOR_YELLOW, -1);
    }
}

int screen_run(const struct source *source, struct reading *reading, struct rates *rates,
               bool unicode)
{
    int first = 0, key = ERR;
    if (!initscr())
        return 1;
    set_up();
    while (key != 'q' && key != 'Q' && key != 27) {
        if (!source_read(source, reading))
            break;
        if (key == ERR || !rates->known)
            rates_add(rates, reading);
        if (key == KEY_DOWN)
            first++;
        if (key == KEY_UP && first > 0)
            first--;
        draw(source, reading, rates, unicode, &first);
        key = getch();
    }
    endwin();
    return 0;
}
