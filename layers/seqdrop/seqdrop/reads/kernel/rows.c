/* rows.py in C: where the lines of a record lie. */

#include <stdint.h>
#include <string.h>

static int printable(const uint8_t *text, int64_t length)
{
    int bad = 0;
    for (int64_t i = 0; i < length; i++)
        bad |= (text[i] < 32 && text[i] != '\t') | (text[i] > 126);
    return !bad;
}

/* Where the line that starts at `start` ends (its line feed), or -1 if it is not ended before `size`. */
static int64_t line_end(const uint8_t *data, int64_t start, int64_t size)
{
    const uint8_t *found = start < size ? memchr(data + start, '\n', size - start) : NULL;
    return found ? found - data : -1;
}

/* 1 if a header, a bare + or one that repeats the header, and as many qualities as bases stand there. */
static int in_order(const uint8_t *data, const int64_t *start, const int64_t *end)
{
    int64_t header = end[0] - start[0], plus = end[2] - start[2];
    if (header < 2 || data[start[0]] != '@' || data[start[0] + 1] <= 32 || !printable(data + start[0], header))
        return 0;
    if (plus < 1 || data[start[2]] != '+' || end[1] - start[1] != end[3] - start[3])
        return 0;
    return plus == 1 || (plus == header && !memcmp(data + start[0] + 1, data + start[2] + 1, plus - 1));
}

/* Starts and ends of the four lines at `at`; where the next record starts, 0 if it is not whole, -1 if it is unusual.
   A line feed among the qualities is left for count_read to find: what is as long as the sequence and ends in a line
   feed is taken for the quality line. */
static int64_t record_at(const uint8_t *data, int64_t at, int64_t size, int64_t *start, int64_t *end, int32_t *crlf)
{
    for (int line = 0; line < 4; line++) {
        int64_t likely = line == 2 ? at + 1 + (*crlf > 0) : line == 3 ? at + end[1] - start[1] + *crlf : size;
        int64_t found = likely < size && data[likely] == '\n' ? likely : line_end(data, at, size);
        if (found < 0)
            return 0;
        int ended = found > at && data[found - 1] == '\r';
        if (*crlf < 0)
            *crlf = ended;
        if (*crlf != ended)
            return -1;
        start[line] = at;
        end[line] = found - ended;
        at = found + 1;
    }
    return in_order(data, start, end) ? at : -1;
}
