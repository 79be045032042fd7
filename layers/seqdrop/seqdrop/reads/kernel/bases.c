/* The bases of measure.py in C. */

#include <stdint.h>
#include <string.h>

static const char BASES[] = "ACGTN";

/* Counts lower case and IUPAC codes one by one; A C G T U N are counted elsewhere. Returns 0 if a byte is not allowed. */
static int unusual(const uint8_t *bases, int64_t first, int64_t length, counts_t *to)
{
    int64_t bin = first / EXACT < BINS ? first / EXACT : BINS - 1;
    for (int64_t i = 0; i < length; i++) {
        uint8_t upper = bases[i] & 0xDF;
        if (bases[i] == 'A' || bases[i] == 'C' || bases[i] == 'G' || bases[i] == 'T' || bases[i] == 'U' ||
            bases[i] == 'N')
            continue;
        if (bases[i] < 'A' || !upper || !strchr("ACGTURYSWKMBDHVN", upper))
            return 0;
        to->lower += bases[i] >= 'a';
        to->uracil += bases[i] == 'u';
        const char *known = strchr(BASES, upper == 'U' ? 'T' : upper);
        if (!known) {
            to->ambiguous++;
            continue;
        }
        if (!first)
            to->content[(known - BASES) * EXACT + i]++;
        to->bins[(known - BASES) * BINS + bin]++;
    }
    return 1;
}

/* Counts N, and U as T. Called if not all bases are A C G T. Returns 1 if all of them are A C G T U or N. */
INLINE int count_n_and_u(const uint8_t *bases, int64_t length, uint8_t *near, int64_t *bin, counts_t *to)
{
    bytes_t other = {0}, ns = {0}, us = {0};
    for (int64_t at = 0; at < length; at += WIDE) {
        bytes_t text, mask;
        LOAD(text, bases + at);
        LOAD(mask, MASK + (length - at < WIDE ? WIDE - (length - at) : 0));
        bytes_t n = (text == 'N') & mask, u = (text == 'U') & mask;
        other |= ~((text == 'A') | (text == 'C') | (text == 'G') | (text == 'T') | n | u) & mask;
        if (near) {
            COUNT(near + 3 * EXACT + at, u);
            COUNT(near + 4 * EXACT + at, n);
        }
        ns -= n;
        us -= u;
    }
    int64_t uracil = sum_bytes(&us);
    to->uracil += uracil;
    if (bin) {
        bin[3 * BINS] += uracil;
        bin[4 * BINS] += sum_bytes(&ns);
    }
    return !any(&other);
}

/* Counts up to EXACT bases, by position in `near` or in a column of `bins`. Returns 1 if all of them are A C G T U or
   N. Reads up to WIDE bytes beyond the bases. */
INLINE int count_bases(const uint8_t *bases, int64_t length, uint8_t *near, int64_t *bin, counts_t *to)
{
    bytes_t other = {0}, as = {0}, cs = {0}, gs = {0}, ts = {0};
    for (int64_t at = 0; at < length; at += WIDE) {
        bytes_t text, mask;
        LOAD(text, bases + at);
        LOAD(mask, MASK);
        if (length - at < WIDE) {
            LOAD(mask, MASK + WIDE - (length - at));
            text &= mask;
        }
        bytes_t a = text == 'A', c = text == 'C', g = text == 'G', t = text == 'T';
        other |= ~(a | c | g | t) & mask;
        if (near) {
            COUNT(near + at, a);
            COUNT(near + EXACT + at, c);
            COUNT(near + 2 * EXACT + at, g);
            COUNT(near + 3 * EXACT + at, t);
        } else {
            as -= a;
            cs -= c;
            gs -= g;
            ts -= t;
        }
    }
    if (bin) {
        bin[0] += sum_bytes(&as);
        bin[BINS] += sum_bytes(&cs);
        bin[2 * BINS] += sum_bytes(&gs);
        bin[3 * BINS] += sum_bytes(&ts);
    }
    return !any(&other) || count_n_and_u(bases, length, near, bin, to);
}
