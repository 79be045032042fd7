/* What the numpy path does on a block, in one pass over each record. numpy is the reference: tests hold both together.

   Nothing here writes beyond what the caller sized, or reads beyond data[size] but for the padding that Blocks keeps. */

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif

#define EXACT 512 /* positions counted one by one, as in measure.py */
#define BINS 256
#define WIDE 32 /* bytes of a vector; EXACT is 16 of them, so 8-bit sums of a piece cannot overflow */
#define ONES4 255, 255, 255, 255
#define ALL_ONES ONES4, ONES4, ONES4, ONES4, ONES4, ONES4, ONES4, ONES4

/* ---- rows.py ---- */

static int printable(const uint8_t *text, int64_t length)
{
    int bad = 0;
    for (int64_t i = 0; i < length; i++)
        bad |= (text[i] < 32 && text[i] != '\t') | (text[i] > 126);
    return !bad;
}

/* Starts and ends (4 a record) of the whole records in data[:size]; their number, or -1 if anything is unusual. */
int64_t seqdrop_four_lines(const uint8_t *data, int64_t size, int64_t *starts, int64_t *ends, int64_t room,
                           int64_t *used, int32_t *crlf)
{
    int64_t at = 0, count = 0;
    *used = 0;
    *crlf = -1;
    while (at < size) {
        int64_t *start = starts + 4 * count, *end = ends + 4 * count, next = at;
        if (count == room)
            return -1;
        int line = 0;
        for (; line < 4; line++) {
            const uint8_t *found = next < size ? memchr(data + next, '\n', size - next) : NULL;
            if (!found)
                break;
            start[line] = next;
            end[line] = found - data;
            next = end[line] + 1;
            int ended = end[line] > start[line] && data[end[line] - 1] == '\r';
            if (*crlf < 0)
                *crlf = ended;
            if (*crlf != ended)
                return -1;
            end[line] -= ended;
        }
        if (line < 4)
            break;
        int64_t header = end[0] - start[0], plus = end[2] - start[2];
        if (header < 2 || data[start[0]] != '@' || data[start[0] + 1] <= 32 || plus < 1 || data[start[2]] != '+' ||
            end[1] - start[1] != end[3] - start[3] || !printable(data + start[0], header))
            return -1;
        if (plus > 1 && (plus != header || memcmp(data + start[0] + 1, data + start[2] + 1, plus - 1)))
            return -1;
        at = *used = next;
        count++;
    }
    return count;
}

/* ---- measure.py ---- */

typedef struct {
    int64_t *content, *quality, *bins; /* (5, EXACT), (EXACT), (6, BINS) */
    int64_t ambiguous, lower, q20, q30, lowest, highest;
} counts_t;

static const char BASES[] = "ACGTN";

/* Letters that are none of A C G T N in upper case; 0 if a byte may not stand in a sequence. */
static int unusual(const uint8_t *bases, int64_t first, int64_t length, counts_t *to)
{
    for (int64_t i = 0; i < length; i++) {
        uint8_t upper = bases[i] & 0xDF;
        int64_t bin = (first + i) / EXACT;
        if (memchr(BASES, bases[i], 5))
            continue;
        if (!strchr("ACGTURYSWKMBDHVN", upper) || !upper || bases[i] < 'A')
            return 0;
        to->lower += bases[i] >= 'a';
        const char *known = strchr(BASES, upper == 'U' ? 'T' : upper);
        if (!known) {
            to->ambiguous++;
            continue;
        }
        if (first + i < EXACT)
            to->content[(known - BASES) * EXACT + first + i]++;
        to->bins[(known - BASES) * BINS + (bin < BINS ? bin : BINS - 1)]++;
    }
    return 1;
}

typedef uint8_t bytes_t __attribute__((vector_size(WIDE)));
typedef uint16_t pairs_t __attribute__((vector_size(WIDE)));

static const uint8_t MASK[2 * WIDE] = {ALL_ONES};

#define LOAD(to, from) memcpy(&(to), (from), WIDE)
#define STORE(to, from) memcpy((to), &(from), WIDE)
#define ADD(to, what) do { bytes_t sum_; LOAD(sum_, to); sum_ -= (bytes_t)(what); STORE(to, sum_); } while (0)

static int sum_bytes(const bytes_t *lanes)
{
    uint64_t words[WIDE / 8], total = 0;
    memcpy(words, lanes, WIDE);
    for (int i = 0; i < WIDE / 8; i++)
        total += (words[i] & 0x00FF00FF00FF00FFULL) + ((words[i] >> 8) & 0x00FF00FF00FF00FFULL);
    return (int)((total * 0x0001000100010001ULL) >> 48);
}

static int sum_pairs(const pairs_t *lanes)
{
    uint16_t words[WIDE / 2];
    int total = 0;
    memcpy(words, lanes, WIDE);
    for (int i = 0; i < WIDE / 2; i++)
        total += words[i];
    return total;
}

/* Up to EXACT bases: flags added to `sums` (5 rows of EXACT), counts by base to `counts` where it is given.
   1 if all are of A C G T N. Reads up to WIDE bytes further. */
FAST static int count_bases(const uint8_t *bases, int length, uint8_t *sums, int64_t *counts)
{
    bytes_t known = {0}, each[5] = {{0}};
    for (int at = 0; at < length; at += WIDE) {
        bytes_t text, mask;
        LOAD(text, bases + at);
        if (length - at < WIDE) {
            LOAD(mask, MASK + WIDE - (length - at));
            text &= mask;
        }
        bytes_t a = (bytes_t)(text == 'A'), c = (bytes_t)(text == 'C'), g = (bytes_t)(text == 'G'),
                t = (bytes_t)(text == 'T'), n = (bytes_t)(text == 'N');
        known -= a | c | g | t | n;
        ADD(sums + at, a);
        ADD(sums + EXACT + at, c);
        ADD(sums + 2 * EXACT + at, g);
        ADD(sums + 3 * EXACT + at, t);
        ADD(sums + 4 * EXACT + at, n);
        if (counts) {
            each[0] -= a;
            each[1] -= c;
            each[2] -= g;
            each[3] -= t;
            each[4] -= n;
        }
    }
    for (int base = 0; counts && base < 5; base++)
        counts[base * BINS] += sum_bytes(&each[base]);
    return sum_bytes(&known) == length;
}

typedef struct {
    bytes_t lowest, highest; /* of byte - 1, so that blanks are highest there; and of byte */
    bytes_t bad;             /* not 0 in any lane where a byte is under ! */
    int64_t q20, q30;
} scores_t;

/* Up to EXACT qualities: added to `sums` (even, then odd positions, in order); their sum. */
FAST static int count_quality(const uint8_t *quality, int length, uint16_t *sums, scores_t *to)
{
    bytes_t q20 = {0}, q30 = {0}, low = to->lowest, high = to->highest, bad = to->bad;
    pairs_t total = {0};
    for (int at = 0; at < length; at += WIDE) {
        bytes_t text, mask;
        LOAD(text, quality + at);
        LOAD(mask, MASK);
        if (length - at < WIDE) {
            LOAD(mask, MASK + WIDE - (length - at));
            text &= mask;
        }
        bad |= (bytes_t)(text < 33) & mask;
        bytes_t less = text - 1;
        bytes_t lower = (bytes_t)(less < low), higher = (bytes_t)(text > high);
        low = (less & lower) | (low & ~lower);
        high = (text & higher) | (high & ~higher);
        q20 -= (bytes_t)(text >= 53);
        q30 -= (bytes_t)(text >= 63);
        pairs_t even = (pairs_t)text & 0xFF, odd = (pairs_t)text >> 8, held;
        LOAD(held, sums + at / 2);
        held += even;
        STORE(sums + at / 2, held);
        LOAD(held, sums + EXACT / 2 + at / 2);
        held += odd;
        STORE(sums + EXACT / 2 + at / 2, held);
        total += even + odd;
    }
    to->lowest = low;
    to->highest = high;
    to->bad = bad;
    to->q20 += sum_bytes(&q20);
    to->q30 += sum_bytes(&q30);
    return sum_pairs(&total);
}

static void flush(uint8_t *bases, uint16_t *quality, counts_t *to)
{
    for (int i = 0; i < 5 * EXACT; i++) {
        to->content[i] += bases[i];
        to->bins[i / EXACT * BINS] += bases[i];
    }
    for (int i = 0; i < EXACT; i++)
        to->quality[i] += quality[i % 2 * (EXACT / 2) + i / 2];
    memset(bases, 0, 5 * EXACT);
    memset(quality, 0, EXACT * sizeof(uint16_t));
}

static void extremes(const scores_t *scores, counts_t *to)
{
    uint8_t low[WIDE], high[WIDE];
    memcpy(low, &scores->lowest, WIDE);
    memcpy(high, &scores->highest, WIDE);
    for (int i = 0; i < WIDE; i++) {
        if (low[i] < 255 && low[i] + 1 < to->lowest)
            to->lowest = low[i] + 1;
        if (high[i] > to->highest)
            to->highest = high[i];
    }
}

/* 1, or 0 if any byte may not stand where it does; then the counts are good for nothing. */
int32_t seqdrop_measure(const uint8_t *data, const int64_t *sequences, const int64_t *qualities,
                        const int64_t *lengths, int64_t count, int64_t *content, int64_t *quality, int64_t *bins,
                        int64_t *per_read, int64_t *figures)
{
    uint8_t sums[5 * EXACT] = {0}, far_sums[5 * EXACT] = {0};
    uint16_t quality_sums[EXACT] = {0}, far_quality[EXACT] = {0};
    counts_t to = {content, quality, bins, 0, 0, 0, 0, 255, 0};
    scores_t scores;
    memset(&scores, 0, sizeof scores);
    memset(&scores.lowest, 255, WIDE);
    for (int64_t read = 0; read < count; read++) {
        const uint8_t *bases = data + sequences[read], *text = data + qualities[read];
        for (int64_t at = 0; at < lengths[read]; at += EXACT) {
            int size = lengths[read] - at < EXACT ? (int)(lengths[read] - at) : EXACT;
            int64_t bin = at / EXACT < BINS ? at / EXACT : BINS - 1;
            int known = at ? count_bases(bases + at, size, far_sums, bins + bin)
                           : count_bases(bases, size, sums, NULL);
            if (!known && !unusual(bases + at, at, size, &to))
                return 0;
            int sum = count_quality(text + at, size, at ? far_quality : quality_sums, &scores);
            bins[5 * BINS + bin] += sum;
            per_read[read] += sum;
        }
        if (read % 255 == 254)
            flush(sums, quality_sums, &to);
    }
    flush(sums, quality_sums, &to);
    extremes(&scores, &to);
    to.q20 = scores.q20;
    to.q30 = scores.q30;
    memcpy(figures, &to.ambiguous, 6 * sizeof(int64_t));
    uint64_t bad[WIDE / 8];
    memcpy(bad, &scores.bad, WIDE);
    return to.highest <= 126 && !(bad[0] | bad[1] | bad[2] | bad[3]);
}

/* ---- names.py ---- */

#define A 0x9E3779B97F4A7C15ULL
#define B 0xC2B2AE3D27D4EB4FULL

/* Bytes before the first white space; more than `longest` if there are more. Eight at a time, little-endian. */
static int64_t name_length(const uint8_t *name, int64_t longest)
{
    for (int64_t length = 0; length <= longest; length += 8) {
        uint64_t word, spaces;
        memcpy(&word, name + length, 8);
        spaces = (word - 0x2121212121212121ULL) & ~word & 0x8080808080808080ULL;
        if (spaces)
            return length + __builtin_ctzll(spaces) / 8;
    }
    return longest + 1;
}

/* Base names' hashes, mates (0, 1, 2) and where names end; 0 if a name is longer than `longest`. */
int32_t seqdrop_hash_names(const uint8_t *data, const int64_t *starts, int64_t count, int64_t longest,
                           uint64_t *hashes, uint8_t *mates, int64_t *ends)
{
    for (int64_t read = 0; read < count; read++) {
        const uint8_t *name = data + starts[read];
        int64_t length = name_length(name, longest);
        if (length > longest)
            return 0;
        ends[read] = starts[read] + length;
        mates[read] = 0;
        if (length > 2 && name[length - 2] == '/' && (name[length - 1] == '1' || name[length - 1] == '2')) {
            mates[read] = name[length - 1] - '0';
            length -= 2;
        }
        uint64_t total = 0, key = A;
        for (int64_t at = 0; at < length; at += 8, key += 2 * A) {
            uint64_t word;
            memcpy(&word, name + at, 8);
            if (length - at < 8)
                word &= (1ULL << 8 * (length - at)) - 1;
            word *= key;
            word ^= word >> 32;
            word *= B;
            total += word ^ (word >> 29);
        }
        total *= A;
        hashes[read] = total ^ (total >> 32);
    }
    return 1;
}

/* ---- duplicates.py ---- */

/* Adds hashes to a set of bits of `size` words; `again` tells which may have been in it. The number of those. */
int64_t seqdrop_add_bits(uint64_t *words, int64_t size, const uint64_t *hashes, int64_t count, uint8_t *again)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits = (1ULL << (hashes[i] & 63)) | (1ULL << ((hashes[i] >> 6) & 63));
        uint64_t *word = words + ((hashes[i] >> 12) & (uint64_t)(size - 1));
        again[i] = (*word & bits) == bits;
        found += again[i];
        *word |= bits;
    }
    return found;
}
