/* Columns of texts -> the MinHash signature of each row, or its shingles.
 *
 * This is the fast path of `parquetry.record.sketch`, which says the same with numpy and is asked where this file could
 * not be compiled. A text goes through four small loops, a window at a time: folded bytes and the edges of tokens;
 * token hashes; shingle hashes; what becomes of them. They hardly ask what a letter is, because a processor guesses
 * wrong there.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SLOTS 128
#define SHINGLE 5
#define EMPTY 0xFFFFFFFFu
#define GOLDEN 0x9E3779B97F4A7C15u
#define MIX1 0xBF58476D1CE4E5B9u
#define MIX2 0x94D049BB133111EBu
#define HIGH_BITS 0x8080808080808080u
#define EACH_BYTE 0x0101010101010101u
#define LAST_POINT 0x10FFFF
#define MISPLACED "a text is not where its offsets say"
#define STEP 64              /* source bytes that are looked at together */
#define MOST (STEP * 3 * 4)  /* folded bytes that a step can give: a byte to three code points, of four bytes each */
#define MOST_ROWS (PY_SSIZE_T_MAX / 1024)
#define WINDOW (4096 + MOST) /* bytes: with what is made of them it stays in the first-level cache */

/* What `tokens.tables` made, and in which order the slots of a signature look for a value. */
typedef struct {
    const uint32_t *codes, *foldings;
    const uint8_t *order, *rank;
    uint32_t rows_of_foldings;
} Tables;

/* The texts of one row on their way. */
typedef struct {
    const Tables *tables;
    uint8_t text[WINDOW + 8];          /* folded; eight bytes are read where a token begins, and masked */
    uint32_t edges[2 * WINDOW + 8];    /* where tokens begin and end, in turn */
    uint32_t longs[WINDOW / 8 + 8];    /* which tokens have more than eight bytes */
    uint64_t tokens[WINDOW + SHINGLE]; /* their hashes; the first few are those of the window before */
    uint64_t pairs[WINDOW + SHINGLE], shingles[WINDOW + SHINGLE];
    size_t held;        /* tokens that there are */
    uint64_t seen;      /* tokens of the row */
    uint64_t sum, word; /* of the open token: the hash of its first words, and their number */
} Text;

/* Where shingles go: into a signature, or into a list. */
typedef struct {
    uint32_t *signature;
    uint64_t *list;
    size_t count, room;
    int failed;
} Sink;

static int
lowest_bit(uint64_t bits)
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(bits);
#else
    int at = 0;
    for (int half = 32; half; half /= 2)
        if (!(bits << (64 - half)))
            bits >>= half, at += half;
    return at;
#endif
}

static uint64_t
load8(const uint8_t *from)
{
    return (uint64_t)from[0] | (uint64_t)from[1] << 8 | (uint64_t)from[2] << 16 | (uint64_t)from[3] << 24 |
           (uint64_t)from[4] << 32 | (uint64_t)from[5] << 40 | (uint64_t)from[6] << 48 | (uint64_t)from[7] << 56;
}

static void
store8(uint8_t *to, uint64_t value)
{
    to[0] = (uint8_t)value, to[1] = (uint8_t)(value >> 8), to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24), to[4] = (uint8_t)(value >> 32), to[5] = (uint8_t)(value >> 40);
    to[6] = (uint8_t)(value >> 48), to[7] = (uint8_t)(value >> 56);
}

/* Eight bytes of a token, and how many times eight stand before them. */
static uint64_t
hash_word(uint64_t bytes, uint64_t number)
{
    uint64_t x = bytes + number * GOLDEN;
    x = (x ^ x >> 30) * MIX1;
    x = ((x ^ x >> 27) + number * GOLDEN) * MIX2;
    return x ^ x >> 31;
}

/* A bit for each of eight bytes: its highest. */
static inline uint64_t
highest(uint64_t v)
{
    return ((v & HIGH_BITS) >> 7) * 0x0102040810204080u >> 56;
}

/* Folds the ASCII of a step. A bit for each byte: of `word` if it is ASCII and belongs to a token, of `plane` if it has
 * the highest bit, and the one, two or three below it. */
static inline void
fold_step(const uint8_t *from, uint8_t *to, uint64_t *word, uint64_t plane[4])
{
    *word = plane[0] = plane[1] = plane[2] = plane[3] = 0;
#ifdef __SSE2__
    for (int i = 0; i < STEP; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(from + i)), bit = _mm_set1_epi8(0x20), low = _mm_or_si128(v, bit);
        __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(low, _mm_set1_epi8('a' - 1)),
                                       _mm_cmplt_epi8(low, _mm_set1_epi8('z' + 1)));
        __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
                                      _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
        __m128i line = _mm_cmpeq_epi8(v, _mm_set1_epi8('_'));
        _mm_storeu_si128((__m128i *)(to + i), _mm_or_si128(v, _mm_and_si128(letter, bit)));
        *word |= (uint64_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), line)) << i;
        plane[0] |= (uint64_t)_mm_movemask_epi8(v) << i;
        plane[1] |= (uint64_t)_mm_movemask_epi8(_mm_slli_epi16(v, 1)) << i;
        plane[2] |= (uint64_t)_mm_movemask_epi8(_mm_slli_epi16(v, 2)) << i;
        plane[3] |= (uint64_t)_mm_movemask_epi8(_mm_slli_epi16(v, 3)) << i;
    }
#else
    for (int i = 0; i < STEP; i += 8) {
        uint64_t v = load8(from + i), seven = v & ~HIGH_BITS, low = seven | EACH_BYTE * 0x20;
        uint64_t letter = (low + EACH_BYTE * (0x80 - 'a')) & ~(low + EACH_BYTE * (0x7F - 'z')) & ~v & HIGH_BITS;
        uint64_t digit = (seven + EACH_BYTE * (0x80 - '0')) & ~(seven + EACH_BYTE * (0x7F - '9'));
        uint64_t line = ~((seven ^ EACH_BYTE * '_') + EACH_BYTE * 0x7F);
        store8(to + i, v | letter >> 2); /* the bit that is the difference between A and a */
        *word |= highest(letter | ((digit | line) & ~v)) << i;
        for (int k = 0; k < 4; k++)
            plane[k] |= highest(v << k) << i;
    }
#endif
}

/* Where to write, and whether a token is open there. It is passed by value, so that it stays in registers. */
typedef struct {
    uint8_t *text;
    uint32_t *edges;
    size_t used, edge;
    int inside;
} Pen;

/* Takes in up to 64 bytes that are written already: a bit for each that belongs to a token. */
static inline Pen
take_bits(Pen pen, uint64_t bits, size_t bytes)
{
    uint64_t edges = bits ^ (bits << 1 | (uint64_t)pen.inside);
    for (edges &= ~(uint64_t)0 >> (64 - bytes); edges; edges &= edges - 1)
        pen.edges[pen.edge++] = (uint32_t)(pen.used + (size_t)lowest_bit(edges));
    pen.inside = (int)(bits >> (bytes - 1) & 1);
    pen.used += bytes;
    return pen;
}

/* Takes in a folded code point, which is nothing of a token (0), a part of one (1), or one of its own (2). */
static inline Pen
take_point(Pen pen, uint32_t point, uint32_t kind)
{
    uint8_t *to = pen.text + pen.used;
    pen.edges[pen.edge] = (uint32_t)pen.used;
    pen.edge += (kind != 0) != pen.inside;
    if (kind == 2 && pen.inside) { /* it ends what was open, and begins */
        pen.edges[pen.edge++] = (uint32_t)pen.used;
        pen.edges[pen.edge++] = (uint32_t)pen.used;
    }
    if (point < 0x80)
        to[0] = (uint8_t)point, pen.used += 1;
    else if (point < 0x800)
        to[0] = (uint8_t)(0xC0 | point >> 6), to[1] = (uint8_t)(0x80 | (point & 63)), pen.used += 2;
    else if (point < 0x10000)
        to[0] = (uint8_t)(0xE0 | point >> 12), to[1] = (uint8_t)(0x80 | (point >> 6 & 63)),
        to[2] = (uint8_t)(0x80 | (point & 63)), pen.used += 3;
    else
        to[0] = (uint8_t)(0xF0 | point >> 18), to[1] = (uint8_t)(0x80 | (point >> 12 & 63)),
        to[2] = (uint8_t)(0x80 | (point >> 6 & 63)), to[3] = (uint8_t)(0x80 | (point & 63)), pen.used += 4;
    pen.inside = kind == 1;
    if (kind == 2)
        pen.edges[pen.edge++] = (uint32_t)pen.used;
    return pen;
}

/* Whether a byte goes on with a code point. */
#define MORE(byte) (((byte) & 0xC0) == 0x80)

/* The code point that begins at `from`, and its bytes; of what is no UTF-8 one byte, which is nothing of a token. */
static inline uint32_t
decode(const uint8_t *from, const uint8_t *end, size_t *bytes)
{
    uint32_t a = from[0], b = end - from > 1 && MORE(from[1]) ? from[1] & 63u : 64, point;
    *bytes = 1;
    if (a < 0x80)
        return a;
    if (a < 0xC2 || a > 0xF4 || b == 64)
        return 0;
    if (a < 0xE0) {
        *bytes = 2;
        return (a & 31) << 6 | b;
    }
    if (end - from < 3 || !MORE(from[2]))
        return 0;
    point = (a & 15) << 12 | b << 6 | (from[2] & 63u);
    if (a < 0xF0) {
        if (point < 0x800 || (point >= 0xD800 && point < 0xE000))
            return 0;
        *bytes = 3;
        return point;
    }
    if (end - from < 4 || !MORE(from[3]))
        return 0;
    point = (a & 7) << 18 | (point & 0xFFF) << 6 | (from[3] & 63u);
    if (point < 0x10000 || point > LAST_POINT)
        return 0;
    *bytes = 4;
    return point;
}

/* Takes in a code point of any kind, and those of three or four bytes that follow it up to `stop`. */
static const uint8_t *
take_long(Pen *to, const Tables *tables, const uint8_t *from, const uint8_t *stop, const uint8_t *end)
{
    const uint32_t *codes = tables->codes;
    Pen pen = *to;
    do {
        size_t bytes;
        uint32_t code = codes[decode(from, end, &bytes)], point = code & 0x1FFFFF;
        from += bytes;
        if (!(code >> 23 & 1))
            pen = take_point(pen, point, code >> 21 & 3);
        else if (point < tables->rows_of_foldings)
            for (const uint32_t *one = tables->foldings + 3 * point, *last = one + 3; one < last && *one; one++)
                if (*one <= LAST_POINT)
                    pen = take_point(pen, *one, codes[*one] >> 21 & 3);
    } while (from < stop && *from >= 0xE0);
    *to = pen;
    return from;
}

/* How many bytes of a step are ASCII and whole code points of two or three bytes; where these begin. */
static inline size_t
whole(const uint64_t plane[4], size_t bytes, uint64_t *first, uint64_t *three)
{
    uint64_t high = plane[0] & ~(uint64_t)0 >> (64 - bytes), more = high & ~plane[1];
    *first = high & plane[1], *three = *first & plane[2];
    uint64_t wrong = (more ^ (*first << 1 | *three << 2)) | (*three & plane[3]);
    bytes = wrong ? (size_t)lowest_bit(wrong) : bytes;
    if (bytes > 0 && *first >> (bytes - 1) & 1) /* the last one goes on behind them */
        bytes -= 1;
    else if (bytes > 1 && *three >> (bytes - 2) & 1)
        bytes -= 2;
    *first &= bytes ? ~(uint64_t)0 >> (64 - bytes) : 0;
    return bytes;
}

/* Takes in a step, or what there is of it, as far as each code point folds to one of as many bytes, and is none of its
 * own; how many bytes that is. Where nothing moves, all can be looked at together. */
static inline size_t
take_step(Pen *pen, const Tables *tables, const uint8_t *from, size_t bytes)
{
    uint8_t *to = pen->text + pen->used;
    uint64_t word, plane[4], first = 0, three = 0;
    fold_step(from, to, &word, plane);
    if (plane[0])
        bytes = whole(plane, bytes, &first, &three);
    for (; first; first &= first - 1) {
        int at = lowest_bit(first), more = (int)(three >> at & 1);
        uint32_t point = (from[at] & 31u) << 6 | (from[at + 1] & 63u), least = more ? 0x800 : 0x80;
        if (more)
            point = (point & 0x3FF) << 6 | (from[at + 2] & 63u);
        uint32_t code = tables->codes[point], folded = code & 0x1FFFFF;
        if (code >> 22 || point < least || folded < least || folded > (more ? 0xFFFF : 0x7FF)) {
            bytes = (size_t)at;
            break;
        }
        word |= (uint64_t)(code >> 21) * (more ? 7 : 3) << at;
        if (more)
            to[at++] = (uint8_t)(0xE0 | folded >> 12), folded &= 0xFFF;
        to[at] = (uint8_t)((more ? 0x80 : 0xC0) | folded >> 6), to[at + 1] = (uint8_t)(0x80 | (folded & 63));
    }
    if (bytes)
        *pen = take_bits(*pen, word, bytes);
    return bytes;
}

static void
put(Sink *sink, const uint64_t *hashes, size_t count)
{
    if (sink->signature) {
        for (size_t i = 0; i < count; i++) {
            uint32_t *slot = sink->signature + (hashes[i] >> 57), value = (uint32_t)hashes[i];
            value -= value == EMPTY;
            *slot = value < *slot ? value : *slot;
        }
        return;
    }
    if (sink->room - sink->count < count) {
        size_t room = 2 * (sink->count + count);
        uint64_t *list = room > SIZE_MAX / 8 ? NULL : realloc(sink->list, room * 8);
        if (!list) {
            sink->failed = 1;
            return;
        }
        sink->list = list, sink->room = room;
    }
    memcpy(sink->list + sink->count, hashes, count * 8);
    sink->count += count;
}

/* Two hashes in their order. */
static inline uint64_t
join(uint64_t one, uint64_t two)
{
    return (one ^ one >> 32) * MIX1 + two;
}

/* The shingles that begin at the first tokens; what is left of the tokens begins shingles of the next window. */
static void
pass_on(Text *t, Sink *sink)
{
    if (t->held < SHINGLE)
        return;
    size_t count = t->held - (SHINGLE - 1);
    uint64_t *pairs = t->pairs, *tokens = t->tokens;
    for (size_t i = 0; i < count + 2; i++)
        pairs[i] = join(tokens[i], tokens[i + 1]);
    for (size_t i = 0; i < count; i++) {
        uint64_t x = join(join(pairs[i], pairs[i + 2]), tokens[i + 4]);
        x = (x ^ x >> 32) * MIX2;
        t->shingles[i] = x ^ x >> 32;
    }
    put(sink, t->shingles, count);
    memmove(t->tokens, t->tokens + count, (SHINGLE - 1) * 8);
    t->held = SHINGLE - 1;
}

/* Up to eight bytes of a token. */
static inline uint64_t
load_some(const uint8_t *from, size_t bytes)
{
    return load8(from) & ~(uint64_t)0 >> (64 - 8 * bytes);
}

/* What the rest of a token adds to its hash, from one of its words on. */
static uint64_t
hash_rest(const uint8_t *from, size_t bytes, uint64_t number)
{
    uint64_t sum = 0;
    for (; bytes > 8; bytes -= 8, from += 8)
        sum += hash_word(load8(from), number++);
    return sum + hash_word(load_some(from, bytes), number);
}

/* Empties the window: all whole tokens are hashed, and of an open one all words but the last. */
static void
flush(Text *t, Sink *sink, Pen *pen)
{
    const uint32_t *edges = pen->edges;
    uint64_t *tokens = t->tokens + t->held;
    size_t count = pen->edge / 2, longs = 0;
    for (size_t i = 0; i < count; i++) { /* which of them are long cannot be guessed, so they come later */
        size_t bytes = edges[2 * i + 1] - edges[2 * i];
        tokens[i] = hash_word(load_some(t->text + edges[2 * i], bytes < 8 ? bytes : 8), 0);
        t->longs[longs] = (uint32_t)i;
        longs += bytes > 8;
    }
    for (size_t k = 0; k < longs; k++) {
        size_t i = t->longs[k], start = edges[2 * i] + 8;
        tokens[i] += hash_rest(t->text + start, edges[2 * i + 1] - start, 1);
    }
    if (count) {
        if (t->word) /* the first began in a window before */
            tokens[0] = t->sum + hash_rest(t->text, edges[1], t->word);
        t->sum = t->word = 0;
    }
    size_t start = pen->inside ? edges[2 * count] : pen->used;
    for (; pen->used - start > 8; start += 8)
        t->sum += hash_word(load8(t->text + start), t->word++);
    memmove(t->text, t->text + start, pen->used - start);
    pen->used -= start, pen->edge = (size_t)pen->inside, pen->edges[0] = 0;
    t->seen += count, t->held += count;
    pass_on(t, sink);
}

/* A whole text; its end ends a token. */
static void
take_text(Text *t, Sink *sink, const uint8_t *from, const uint8_t *end)
{
    Pen pen = {t->text, t->edges, 0, 0, 0};
    uint8_t last[STEP] = {0}; /* a copy of what is less than a step, so that a whole step can be read */
    while (from < end) {
        if (pen.used > WINDOW - MOST)
            flush(t, sink, &pen);
        size_t left = end - from < STEP ? (size_t)(end - from) : STEP, bytes;
        if (left < STEP)
            from = memmove(last, from, left), end = from + left;
        bytes = take_step(&pen, t->tables, from, left);
        from += bytes;
        if (bytes < left)
            from = take_long(&pen, t->tables, from, from + (left - bytes), end);
    }
    if (pen.inside)
        pen.edges[pen.edge++] = (uint32_t)pen.used;
    pen.inside = 0;
    if (pen.edge)
        flush(t, sink, &pen);
}

/* The end of a row: fewer tokens than a shingle has are one, the rest of which is zeros. */
static void
end_row(Text *t, Sink *sink)
{
    if (t->seen && t->seen < SHINGLE) {
        for (; t->held < SHINGLE; t->held++)
            t->tokens[t->held] = 0;
        pass_on(t, sink);
    }
    t->held = 0, t->seen = 0;
}

/* Optimal densification: an empty slot takes the value of the first slot in its own order that has one. */
static void
densify(const Tables *tables, uint32_t *signature)
{
    uint8_t full[SLOTS], empty[SLOTS];
    uint32_t own[SLOTS];
    int fulls = 0, empties = 0;
    for (int i = 0; i < SLOTS; i++) {
        full[fulls] = empty[empties] = (uint8_t)i;
        fulls += signature[i] != EMPTY;
        empties += signature[i] == EMPTY;
    }
    memcpy(own, signature, sizeof own);
    for (int i = 0; i < empties && fulls; i++) {
        const uint8_t *order = tables->order + SLOTS * empty[i], *rank = tables->rank + SLOTS * empty[i];
        int best = full[0], k = 0;
        if (fulls > 11) { /* where many are full, one is found soon; else there are few to compare */
            while (k < SLOTS - 1 && own[order[k] % SLOTS] == EMPTY)
                k++;
            best = order[k] % SLOTS;
        } else
            for (k = 1; k < fulls; k++)
                best = rank[full[k]] < rank[best] ? full[k] : best;
        signature[empty[i]] = own[best];
    }
}

/* Numbers in rising order, by their bytes from the lowest to the highest; `spare` has room for as many. */
static void
sort(uint64_t *numbers, uint64_t *spare, size_t count)
{
    if (count < 48) {
        for (size_t i = 1; i < count; i++) {
            uint64_t one = numbers[i];
            size_t at = i;
            for (; at && numbers[at - 1] > one; at--)
                numbers[at] = numbers[at - 1];
            numbers[at] = one;
        }
        return;
    }
    for (int shift = 0; shift < 64; shift += 8) {
        size_t places[256] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++)
            places[numbers[i] >> shift & 255]++;
        for (int i = 0; i < 256; i++) {
            size_t some = places[i];
            places[i] = sum, sum += some;
        }
        for (size_t i = 0; i < count; i++)
            spare[places[numbers[i] >> shift & 255]++] = numbers[i];
        uint64_t *other = numbers;
        numbers = spare, spare = other;
    }
}

/* Sorts what a row has put into a list, and leaves each number once. */
static void
unique(Sink *sink, size_t start)
{
    size_t count = sink->count - start, kept = 0;
    uint64_t *list, *spare = NULL;
    if (count >= 48 && !(spare = malloc(count * 8))) {
        sink->failed = 1;
        return;
    }
    list = sink->list + start;
    if (count)
        sort(list, spare, count);
    free(spare);
    for (size_t i = 0; i < count; i++)
        if (!kept || list[kept - 1] != list[i])
            list[kept++] = list[i];
    sink->count = start + kept;
}

/* One column: where its texts are. */
typedef struct {
    const uint8_t *valid;
    const int32_t *offsets;
    const uint8_t *text;
    Py_ssize_t start;
    int64_t bytes;
} Column;

/* All texts of a row, with a line feed between two; -1 if one is not where its column says. */
static int
take_row(Text *t, Sink *sink, const Column *columns, Py_ssize_t width, Py_ssize_t row)
{
    for (const Column *column = columns; column < columns + width; column++) {
        Py_ssize_t place = column->start + row;
        if (column->valid && !(column->valid[place / 8] >> (place % 8) & 1))
            continue;
        int64_t from = column->offsets[place], end = column->offsets[place + 1];
        if (from < 0 || end < from || end > column->bytes)
            return -1;
        take_text(t, sink, column->text + from, column->text + end);
    }
    end_row(t, sink);
    return 0;
}

static int
signatures(Text *t, const Column *columns, Py_ssize_t width, Py_ssize_t count, uint32_t *out)
{
    for (Py_ssize_t row = 0; row < count; row++, out += SLOTS) {
        Sink sink = {out, NULL, 0, 0, 0};
        memset(out, 0xFF, SLOTS * sizeof *out);
        if (take_row(t, &sink, columns, width, row) < 0)
            return -1;
        densify(t->tables, out);
    }
    return 0;
}

static int
lists(Text *t, const Column *columns, Py_ssize_t width, Py_ssize_t count, int64_t *offsets, Sink *sink, int distinct)
{
    offsets[0] = 0;
    for (Py_ssize_t row = 0; row < count && !sink->failed; row++) {
        size_t start = sink->count;
        if (take_row(t, sink, columns, width, row) < 0)
            return -1;
        if (!sink->failed && distinct)
            unique(sink, start);
        offsets[row + 1] = (int64_t)sink->count;
    }
    return 0;
}

static int
refuse(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

/* A view of a buffer of at least some bytes; None is no buffer. */
static int
view(PyObject *from, Py_buffer *into, Py_ssize_t least, int flags)
{
    if (from == Py_None)
        return 0;
    if (PyObject_GetBuffer(from, into, flags) < 0)
        return -1;
    return into->len < least ? refuse("a buffer is too short for its rows") : 0;
}

/* What a call works on, and what has to be given back after it. */
typedef struct {
    Py_buffer *views;
    Py_ssize_t held, width, count;
    Column *columns;
    Tables tables;
    Text *text;
} Call;

static void
close_call(Call *call)
{
    for (Py_ssize_t i = 0; i < call->held; i++)
        if (call->views[i].obj)
            PyBuffer_Release(call->views + i);
    PyMem_Free(call->views);
    PyMem_Free(call->columns);
    PyMem_Free(call->text);
}

static int
open_column(Call *call, PyObject *from, Column *column, Py_buffer *own)
{
    PyObject *valid, *offsets, *text;
    if (!PyArg_ParseTuple(from, "OOOn", &valid, &offsets, &text, &column->start))
        return -1;
    if (column->start < 0 || column->start > MOST_ROWS)
        return refuse("a column cannot start there");
    Py_ssize_t end = column->start + call->count;
    if (view(valid, own, (end + 7) / 8, PyBUF_SIMPLE) < 0 ||
        view(offsets, own + 1, call->count ? (end + 1) * 4 : 0, PyBUF_SIMPLE) < 0 ||
        view(text, own + 2, 0, PyBUF_SIMPLE) < 0)
        return -1;
    if (call->count && !own[1].buf)
        return refuse("a column has no offsets");
    column->valid = own[0].buf, column->offsets = own[1].buf, column->bytes = own[2].len;
    column->text = own[2].buf ? own[2].buf : (const uint8_t *)"";
    return 0;
}

static int
open_tables(Call *call, PyObject *from, PyObject *out, Py_buffer *own)
{
    PyObject *codes, *foldings, *order;
    if (!PyArg_ParseTuple(from, "OOO", &codes, &foldings, &order) ||
        view(codes, own, 4 * (LAST_POINT + 1), PyBUF_SIMPLE) < 0 || view(foldings, own + 1, 0, PyBUF_SIMPLE) < 0 ||
        view(order, own + 2, 2 * SLOTS * SLOTS, PyBUF_SIMPLE) < 0 ||
        view(out, own + 3, call->count * SLOTS * 4, PyBUF_WRITABLE) < 0)
        return -1;
    if (!own[0].buf || !own[1].buf || !own[2].buf)
        return refuse("a table is missing");
    call->tables.codes = own[0].buf, call->tables.foldings = own[1].buf;
    call->tables.rows_of_foldings = (uint32_t)(own[1].len / 12);
    call->tables.order = own[2].buf, call->tables.rank = call->tables.order + SLOTS * SLOTS;
    return 0;
}

/* Reads columns, rows and tables; `out` is a buffer to write to, or None. Whatever comes of it, the call is closed. */
static int
open_call(Call *call, PyObject *list, PyObject *tables, PyObject *out)
{
    call->width = PyList_Size(list);
    if (call->count < 0 || call->count > MOST_ROWS)
        return refuse("there cannot be so many rows");
    call->views = PyMem_Calloc((size_t)(3 * call->width + 4), sizeof *call->views);
    call->columns = PyMem_Calloc((size_t)(call->width + 1), sizeof *call->columns);
    call->text = PyMem_Calloc(1, sizeof *call->text);
    if (!call->views || !call->columns || !call->text) {
        PyErr_NoMemory();
        return -1;
    }
    call->held = 3 * call->width + 4;
    call->text->tables = &call->tables;
    for (Py_ssize_t i = 0; i < call->width; i++)
        if (open_column(call, PyList_GetItem(list, i), call->columns + i, call->views + 3 * i) < 0)
            return -1;
    return open_tables(call, tables, out, call->views + 3 * call->width);
}

static PyObject *
sketch(PyObject *module, PyObject *args)
{
    PyObject *list, *tables, *out, *result = NULL;
    Call call = {0};
    int wrong;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!nO!O", &PyList_Type, &list, &call.count, &PyTuple_Type, &tables, &out))
        return NULL;
    if (open_call(&call, list, tables, out) == 0) {
        uint32_t *to = call.views[3 * call.width + 3].buf;
        Py_BEGIN_ALLOW_THREADS
        wrong = to ? signatures(call.text, call.columns, call.width, call.count, to) : 0;
        Py_END_ALLOW_THREADS
        if (!wrong || refuse(MISPLACED) == 0)
            result = Py_NewRef(Py_None);
    }
    close_call(&call);
    return result;
}

static PyObject *
shingles(PyObject *module, PyObject *args)
{
    PyObject *list, *tables, *offsets, *result = NULL;
    Call call = {0};
    Sink sink = {NULL, NULL, 0, 0, 0};
    int wrong, distinct;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!nO!p", &PyList_Type, &list, &call.count, &PyTuple_Type, &tables, &distinct))
        return NULL;
    if (open_call(&call, list, tables, Py_None) == 0 &&
        (offsets = PyBytes_FromStringAndSize(NULL, 8 * (call.count + 1)))) {
        int64_t *to = (int64_t *)PyBytes_AsString(offsets);
        Py_BEGIN_ALLOW_THREADS
        wrong = lists(call.text, call.columns, call.width, call.count, to, &sink, distinct);
        Py_END_ALLOW_THREADS
        if (wrong)
            refuse(MISPLACED);
        else if (sink.failed)
            PyErr_NoMemory();
        else
            result = Py_BuildValue("(Oy#)", offsets, sink.list ? (const char *)sink.list : "",
                                   (Py_ssize_t)(sink.count * 8));
        Py_DECREF(offsets);
    }
    free(sink.list);
    close_call(&call);
    return result;
}

static PyMethodDef methods[] = {
    {"sketch", sketch, METH_VARARGS,
     "sketch(columns, count, tables, out)\n--\n\nWrites 128 numbers of 32 bits for each of count rows to out. A column "
     "is (validity, offsets, text, start): buffers of Arrow, and where its rows start in them. The tables are (codes, "
     "foldings, order and rank of the slots)."},
    {"shingles", shingles, METH_VARARGS,
     "shingles(columns, count, tables, distinct)\n--\n\nThe shingle hashes of each of count rows, sorted and each once "
     "if they are to be distinct, else in their order, as bytes: where those of a row begin and end (64 bits each), and "
     "the hashes (64 bits each)."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_sketch", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__sketch(void)
{
    return PyModule_Create(&definition);
}
