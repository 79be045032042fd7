/* Examines a block in one pass, each record while it is in the first-level cache.

   The numpy code is the reference; tests compare the two. No function writes beyond the buffers of the caller.
   Functions may read beyond data[size], but only in the padding of Blocks. */

#include <stdint.h>
#include <string.h>

#define FIGURES 11
#define SUMS (5 * EXACT + EXACT + 6 * BINS + 2 * SCORES + FIGURES)

/* The fingerprint of the sources (see `fingerprint` in __init__.py). */
const char *seqdrop_sources(void)
{
    return SEQDROP_SOURCES;
}

/* Examines up to `capacity` complete records of data[:size]. Returns their number, or -1 if anything is unusual. */
FAST static int64_t examine(const uint8_t *data, int64_t size, int64_t capacity, int64_t longest_name, records_t *to,
                            counts_t *counts)
{
    int64_t at = 0, count = 0;
    for (; at < size && count < capacity; count++) {
        int64_t *start = to->starts + 4 * count, *end = to->ends + 4 * count;
        int64_t next = record_at(data, at, size, start, end, &to->crlf);
        if (next == 0)
            break;
        if (next < 0)
            return -1;
        int64_t length = to->lengths[count] = end[1] - start[1];
        int64_t name = hash_name(data + start[0] + 1, longest_name, to->hashes + count, to->codes + count);
        if (!name || !count_read(data + start[1], data + start[3], length, count, counts))
            return -1;
        to->name_ends[count] = start[0] + 1 + name;
        at = next;
    }
    to->used = at;
    flush(counts);
    return count;
}

/* Does the same as `examine`. Writes the arrays of Measure to `sums` in its order, and then its figures. `errors_of` is
   ERRORS of measure.py. */
int64_t seqdrop_block(const uint8_t *data, int64_t size, int64_t capacity, int64_t longest_name, records_t *to,
                      const int64_t *errors_of, int64_t *sums)
{
    counts_t counts;
    memset(&counts, 0, sizeof counts);
    memset(sums, 0, SUMS * sizeof *sums);
    counts.content = sums;
    counts.quality = counts.content + 5 * EXACT;
    counts.bins = counts.quality + EXACT;
    counts.scores = counts.bins + 6 * BINS;
    counts.error_scores = counts.scores + SCORES;
    counts.errors_of = errors_of;
    counts.lowest = 255;
    counts.shortest = INT64_MAX;
    to->used = 0;
    to->crlf = -1;
    int64_t count = examine(data, size, capacity, longest_name, to, &counts);
    flush_lanes(&counts);
    memcpy(counts.error_scores + SCORES, &counts.ambiguous, FIGURES * sizeof(int64_t));
    return count;
}
