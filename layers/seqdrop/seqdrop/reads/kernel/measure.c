/* Counts qualities and whole reads, as measure.py does. */

#include <stdint.h>
#include <string.h>

/* ---- qualities ---- */

/* Extends the range of qualities. Returns 0 if a byte is not allowed. */
static int widen(const uint8_t *quality, int64_t length, counts_t *to)
{
    for (int64_t i = 0; i < length; i++) {
        if (quality[i] < OFFSET || quality[i] > 126)
            return 0;
        to->lowest = quality[i] < to->lowest ? quality[i] : to->lowest;
        to->highest = quality[i] > to->highest ? quality[i] : to->highest;
    }
    return 1;
}

static void flush_lanes(counts_t *to)
{
    to->q20 += sum_bytes(&to->good);
    to->q30 += sum_bytes(&to->best);
    memset(&to->good, 0, WIDE);
    memset(&to->best, 0, WIDE);
    to->vectors = 0;
}

/* Adds up to EXACT qualities, by position in `near` unless it is NULL. Returns their sum, or -1 if a byte is not
   allowed. */
INLINE int64_t count_quality(const uint8_t *quality, int64_t length, uint16_t *near, counts_t *to)
{
    int vectors = (length + WIDE - 1) / WIDE;
    if (to->vectors + vectors > OFTEN)
        flush_lanes(to);
    to->vectors += vectors;
    int8_t low = to->lowest > 126 ? 127 : to->lowest, high = to->highest;
    bytes_t outside = {0}, good = to->good, best = to->best;
    pairs_t total = {0};
    for (int64_t at = 0; at < length; at += WIDE) {
        bytes_t text, mask;
        LOAD(text, quality + at);
        LOAD(mask, MASK);
        if (length - at < WIDE) {
            LOAD(mask, MASK + WIDE - (length - at));
            text &= mask;
        }
        outside |= ((text < low) | (text > high)) & mask; /* bytes over 127 are negative here */
        good -= text > OFFSET + 19;
        best -= text > OFFSET + 29;
        pairs_t even = (pairs_t)text & 0xFF, odd = (pairs_t)text >> 8;
        if (near) {
            ADD(near + at / 2, even);
            ADD(near + EXACT / 2 + at / 2, odd);
        }
        total += even + odd;
    }
    to->good = good;
    to->best = best;
    return any(&outside) && !widen(quality, length, to) ? -1 : sum_pairs(&total);
}

/* ---- reads ---- */

/* Adds the sums of up to OFTEN reads to the totals. */
INLINE void flush(counts_t *to)
{
    int64_t width = to->longest < EXACT ? to->longest : EXACT;
    for (int base = 0; base < 5; base++) {
        int64_t total = 0;
        for (int64_t i = 0; i < width; i++) {
            to->content[base * EXACT + i] += to->near_bases[base * EXACT + i];
            total += to->near_bases[base * EXACT + i];
        }
        to->bins[base * BINS] += total;
    }
    for (int64_t i = 0; i < width; i++)
        to->quality[i] += to->near_quality[i % 2 * (EXACT / 2) + i / 2];
    memset(to->near_bases, 0, sizeof to->near_bases);
    memset(to->near_quality, 0, sizeof to->near_quality);
}

/* Counts a read. Returns the sum of its qualities; -1 if a byte is not allowed, and then the counts are meaningless. */
INLINE int64_t add_up(const uint8_t *bases, const uint8_t *quality, int64_t length, counts_t *to)
{
    int64_t near = length < EXACT ? length : EXACT;
    if (!count_bases(bases, near, to->near_bases, NULL, to) && !unusual(bases, 0, near, to))
        return -1;
    int64_t sum = count_quality(quality, near, to->near_quality, to), total = sum;
    to->bins[5 * BINS] += sum;
    for (int64_t at = EXACT; at < length && sum >= 0; at += EXACT) {
        int64_t size = length - at < EXACT ? length - at : EXACT, bin = at / EXACT < BINS ? at / EXACT : BINS - 1;
        if (!count_bases(bases + at, size, NULL, to->bins + bin, to) && !unusual(bases + at, at, size, to))
            return -1;
        sum = count_quality(quality + at, size, NULL, to);
        to->bins[5 * BINS + bin] += sum;
        total += sum;
    }
    return sum < 0 ? -1 : total;
}

/* The whole part of the Phred score of the mean probability of an error. It is at most that of the mean score, except
   for the rounding of the table. */
INLINE int score_errors(int64_t errors, int64_t length, int64_t mean_score, const int64_t *thresholds)
{
    int score = mean_score < 93 ? mean_score + 1 : 93;
    while (score > 0 && errors > length * thresholds[score])
        score--;
    return score;
}

/* Counts a read that has `before` reads before it. Returns 0 if a byte is not allowed. */
INLINE int count_read(const uint8_t *bases, const uint8_t *quality, int64_t length, int64_t before, counts_t *to)
{
    int64_t sum = add_up(bases, quality, length, to);
    if (sum < 0)
        return 0;
    if (length) {
        int64_t errors = sum_errors(quality, length, to->errors_of);
        to->errors += errors;
        to->scores[sum / length - OFFSET]++;
        to->error_scores[score_errors(errors, length, sum / length - OFFSET, to->errors_of + OFFSET)]++;
    }
    to->bases += length;
    to->shortest = length < to->shortest ? length : to->shortest;
    to->longest = length > to->longest ? length : to->longest;
    if (before % OFTEN == OFTEN - 1)
        flush(to);
    return 1;
}
