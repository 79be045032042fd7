/* The counts of measure.py, and sums of many bytes at once. */

#include <stdint.h>
#include <string.h>

/* FAST functions are compiled twice; the loader chooses the one with 32-byte vectors if the processor has them. */
#if defined(__x86_64__)
#define FAST __attribute__((target_clones("avx2", "default")))
#else
#define FAST
#endif
#define INLINE static inline __attribute__((always_inline))

#define EXACT 512 /* positions counted one by one, as in measure.py */
#define BINS 256
#define SCORES 95
#define OFFSET 33
#define WIDE 32     /* bytes of a vector */
#define OFTEN 255   /* the largest count of an 8-bit lane */
#define ONES4 255, 255, 255, 255
#define ALL_ONES ONES4, ONES4, ONES4, ONES4, ONES4, ONES4, ONES4, ONES4

typedef int8_t bytes_t __attribute__((vector_size(WIDE)));
typedef uint16_t pairs_t __attribute__((vector_size(WIDE)));

static const uint8_t MASK[2 * WIDE] = {ALL_ONES};

#define LOAD(to, from) memcpy(&(to), (from), WIDE)
#define STORE(to, from) memcpy((to), &(from), WIDE)
#define COUNT(to, flags) do { bytes_t sum_; LOAD(sum_, to); sum_ -= (flags); STORE(to, sum_); } while (0)
#define ADD(to, what) do { pairs_t sum_; LOAD(sum_, to); sum_ += (what); STORE(to, sum_); } while (0)

typedef struct {
    /* (5, EXACT), (EXACT), (6, BINS), (SCORES), (SCORES), as in Measure */
    int64_t *content, *quality, *bins, *scores, *error_scores;
    /* FIGURES in measure.py */
    int64_t ambiguous, lower, uracil, q20, q30, bases, errors, lowest, highest, shortest, longest;
    const int64_t *errors_of;       /* ERRORS in measure.py: the probability of an error by quality byte */
    uint8_t near_bases[5 * EXACT];  /* flags at each position, of up to OFTEN reads */
    uint16_t near_quality[EXACT];   /* sums at even positions, then at odd ones */
    bytes_t good, best;             /* lanes of q20 and q30, of up to OFTEN vectors */
    int vectors;
} counts_t;

static int64_t sum_bytes(const bytes_t *lanes)
{
    uint64_t words[WIDE / 8], total = 0;
    memcpy(words, lanes, WIDE);
    for (int i = 0; i < WIDE / 8; i++)
        total += (words[i] & 0x00FF00FF00FF00FFULL) + ((words[i] >> 8) & 0x00FF00FF00FF00FFULL);
    return (total * 0x0001000100010001ULL) >> 48;
}

/* The sum of EXACT bytes of up to 126 fits in 16 bits. */
INLINE int64_t sum_pairs(const pairs_t *lanes)
{
    uint64_t words[WIDE / 8];
    memcpy(words, lanes, WIDE);
    return ((words[0] + words[1] + words[2] + words[3]) * 0x0001000100010001ULL) >> 48;
}

/* The sum of the probabilities of an error. */
INLINE int64_t sum_errors(const uint8_t *quality, int64_t length, const int64_t *errors_of)
{
    int64_t a = 0, b = 0, c = 0, d = 0, i = 0;
    for (; i + 4 <= length; i += 4) {
        a += errors_of[quality[i]];
        b += errors_of[quality[i + 1]];
        c += errors_of[quality[i + 2]];
        d += errors_of[quality[i + 3]];
    }
    for (; i < length; i++)
        a += errors_of[quality[i]];
    return a + b + c + d;
}

INLINE int any(const bytes_t *lanes)
{
    uint64_t words[WIDE / 8];
    memcpy(words, lanes, WIDE);
    return (words[0] | words[1] | words[2] | words[3]) != 0;
}
