/* Locates the lines of a record, as fastq_rows.py does. */

#include <stdint.h>
#include <string.h>

static int printable(const uint8_t *text, int64_t length)
{
    int bad = 0;
    for (int64_t i = 0; i < length; i++)
        bad |= (text[i] < 32 && text[i] != '\t') | (text[i] > 126);
    return !bad;
}

/* Returns the index of the line feed that ends the line at `start`, or -1 if there is none before `size`. */
static int64_t line_end(const uint8_t *data, int64_t start, int64_t size)
{
    const uint8_t *found = start < size ? memchr(data + start, '\n', size - start) : NULL;
    return found ? found - data : -1;
}

/* Returns 1 if there are a header, a + line that is bare or repeats the header, and as many qualities as bases. */
static int in_order(const uint8_t *data, const int64_t *start, const int64_t *end)
{
    int64_t header = end[0] - start[0], plus = end[2] - start[2];
    if (header < 2 || data[start[0]] != '@' || data[start[0] + 1] <= 32 || !printable(data + start[0], header))
        return 0;
    if (plus < 1 || data[start[2]] != '+' || end[1] - start[1] != end[3] - start[3])
        return 0;
    return plus == 1 || (plus == header && !memcmp(data + start[0] + 1, data + start[2] + 1, plus - 1));
}

/* Writes the starts and ends of the four lines at `at`. Returns the start of the next record; 0 if the record is not
   complete, -1 if it is unusual. If there is a line feed where the quality should end, it counts as the end of the
   quality line; count_read detects a line feed among the qualities. */
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
