/* The hashes of names.py, the sets of bits of duplicates.py and the sums of name_digests.py. */

#include <stdint.h>
#include <string.h>

#define A 0x9E3779B97F4A7C15ULL
#define B 0xC2B2AE3D27D4EB4FULL
#define CHUNK 64
#define WEIGHT 0xD6E8FEB86659FD93ULL

static uint64_t mixed(uint64_t word, uint64_t key)
{
    word *= key;
    word ^= word >> 32;
    word *= B;
    return word ^ (word >> 29);
}

static uint64_t first_bytes(uint64_t word, int64_t count)
{
    return count < 8 ? word & ((1ULL << 8 * count) - 1) : word;
}

/* Sets the highest bit of each of eight bytes that is white space or a control character. Only the first (lowest) bit
   that is set is certain. */
static uint64_t spaces(uint64_t word)
{
    return (word - 0x2121212121212121ULL) & ~word & 0x8080808080808080ULL;
}

static uint64_t hash(const uint8_t *name, int64_t length)
{
    uint64_t total = 0, key = A, word;
    for (int64_t at = 0; at < length; at += 8, key += 2 * A) {
        memcpy(&word, name + at, 8);
        total += mixed(first_bytes(word, length - at), key);
    }
    return total;
}

/* Returns the mate that a CASAVA word after a name says: 1 to 4, 5 (SINGLE) for 0, or 0 without a word. */
static uint8_t read_word(const uint8_t *word)
{
    if ((word[0] != ' ' && word[0] != '\t') || word[1] < '0' || word[1] > '4' || word[2] != ':')
        return 0;
    if (word[3] != 'N' && word[3] != 'Y')
        return 0;
    return word[1] == '0' ? 5 : word[1] - '0';
}

/* Writes the hash of the base name, and the code of the mate (Names.codes). Returns the length of the name, or 0 if it
   is longer than `longest`. */
static int64_t hash_name(const uint8_t *name, int64_t longest, uint64_t *hashed, uint8_t *code)
{
    uint64_t total = 0, key = A, word, found;
    int64_t length = 0;
    for (;; length += 8, key += 2 * A) { /* eight bytes at a time, little-endian */
        memcpy(&word, name + length, 8);
        if ((found = spaces(word)))
            break;
        if (length > longest)
            return 0;
        total += mixed(word, key);
    }
    int64_t left = __builtin_ctzll(found) / 8;
    length += left;
    *code = read_word(name + length) << 2;
    if (length > 2 && name[length - 2] == '/' && name[length - 1] >= '1' && name[length - 1] <= '3') {
        *code |= name[length - 1] - '0';
        total = hash(name, length - 2);
    } else if (left)
        total += mixed(first_bytes(word, left), key);
    total *= A;
    *hashed = total ^ (total >> 32);
    return length <= longest ? length : 0;
}

static uint64_t bits_of(uint64_t hash)
{
    return (1ULL << (hash & 63)) | (1ULL << ((hash >> 6) & 63)) | (1ULL << ((hash >> 58) & 63));
}

/* Writes 1 for each hash that may be in a set of bits of `size` words. If `add`, adds each hash before the next one is
   looked up. */
void seqdrop_bits(uint64_t *words, int64_t size, const uint64_t *hashes, int64_t count, uint8_t *found, int32_t add)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(hashes[i]), *word = words + ((hashes[i] >> 12) & (uint64_t)(size - 1));
        if (i + 16 < count)
            __builtin_prefetch(words + ((hashes[i + 16] >> 12) & (uint64_t)(size - 1)), 1);
        found[i] = (*word & bits) == bits;
        if (add)
            *word |= bits;
    }
}

/* Writes a sum for each whole CHUNK of hashes, each multiplied by a number for its position. */
void seqdrop_sum_names(const uint64_t *hashes, int64_t chunks, uint64_t *sums)
{
    for (int64_t chunk = 0; chunk < chunks; chunk++, hashes += CHUNK) {
        uint64_t total = 0;
        for (int64_t i = 0; i < CHUNK; i++)
            total += hashes[i] * ((2 * i + 1) * WEIGHT);
        sums[chunk] = total;
    }
}
