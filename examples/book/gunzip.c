/* SPDX-License-Identifier: MIT */
/*
 * Unpacking gzip data. zlib's own gzread is not used, because it reads until a large buffer is
 * full: from a pipe, messages that have arrived would wait for those that have not.
 */
#include "gunzip.h"

#include <string.h>

#include "event.h"

#define GZIP_ONLY (MAX_WBITS + 16)

int gunzip_open(struct gunzip *gunzip)
{
    memset(&gunzip->stream, 0, sizeof(gunzip->stream));
    gunzip->inside = false;
    return inflateInit2(&gunzip->stream, GZIP_ONLY) == Z_OK ? 0 : BOOK_ENOMEM;
}

void gunzip_close(struct gunzip *gunzip)
{
    inflateEnd(&gunzip->stream);
}

int gunzip_run(struct gunzip *gunzip, uint8_t *out, size_t room, size_t *made)
{
    z_stream *z = &gunzip->stream;
    int error = 0;

    z->next_out = out;
    z->avail_out = (uInt)room;
    /* zlib may hold back output after it has taken all input, so ask until the room is left over.
     */
    while (error == 0 && z->avail_out > 0 && (z->avail_in > 0 || gunzip->inside)) {
        uInt in_before = z->avail_in, out_before = z->avail_out;
        int result;

        gunzip->inside = true;
        result = inflate(z, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            gunzip->inside = false;
            inflateReset(z);
        } else if (result == Z_MEM_ERROR) {
            error = BOOK_ENOMEM;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            error = BOOK_EGZIP;
        } else if (z->avail_in == in_before && z->avail_out == out_before) {
            break;
        }
    }
    *made = room - z->avail_out;
    return error;
}
