/* SPDX-License-Identifier: MIT */
/* The texts of the table of errors, and the version. */
#include <takt/error.h>
#include <takt/version.h>

struct error_text {
    int code;
    const char *name;
    const char *text;
};

#define ROW(name, value, text) {value, #name, text},
static const struct error_text table[] = {{TAKT_OK, "TAKT_OK", "no error"}, TAKT_ERRORS(ROW)};
#undef ROW

static const struct error_text user = {TAKT_EUSER, "TAKT_EUSER", "error of a handler"};
static const struct error_text unknown = {0, "unknown", "no such error"};

static const struct error_text *find(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return &table[i];
    return code <= TAKT_EUSER ? &user : &unknown;
}

const char *takt_strerror(int code)
{
    return find(code)->text;
}

const char *takt_error_name(int code)
{
    return find(code)->name;
}

int takt_version(void)
{
    return TAKT_VERSION;
}
