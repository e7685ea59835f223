/* Columns of texts -> the MinHash signature of each row, or its shingles.
 *
 * This is the fast path of `parquetry.record.sketch`, which says the same with numpy and is asked where this file could
 * not be compiled. A text goes through four small loops, a window at a time, none of which branches on what a letter is:
 * folded bytes and the edges of tokens; token hashes; shingle hashes; what becomes of them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    uint8_t text[WINDOW + 8]; /* folded; what comes after a token of less than eight bytes may be read, and is masked */
    uint32_t edges[2 * WINDOW + 8]; /* where tokens begin and end, in turn */
    uint64_t tokens[WINDOW + SHINGLE]; /* their hashes; the first few are those of the window before */
    uint64_t shingles[WINDOW + SHINGLE];
    size_t used, edge, held; /* bytes, edges and tokens that there are */
    uint64_t seen;           /* tokens of the row */
    uint64_t sum, word;      /* of the open token: the hash of its first words, and their number */
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

/* Eight ASCII bytes: folded, and a bit for each that belongs to a token. */
static uint64_t
fold_ascii(uint64_t v, uint64_t *bits)
{
    uint64_t low = v | EACH_BYTE * 0x20;
    uint64_t letter = (low + EACH_BYTE * (0x80 - 'a')) & ~(low + EACH_BYTE * (0x7F - 'z'));
    uint64_t digit = (v + EACH_BYTE * (0x80 - '0')) & ~(v + EACH_BYTE * (0x7F - '9'));
    uint64_t line = ~((v ^ EACH_BYTE * '_') + EACH_BYTE * 0x7F);
    letter &= HIGH_BITS;
    *bits = (((letter | digit | line) & HIGH_BITS) >> 7) * 0x0102040810204080u >> 56;
    return v | letter >> 2; /* the bit that is the difference between A and a */
}

/* Takes in a step of ASCII. `inside` is whether a token is open, and becomes whether one is. */
static void
take_ascii(Text *t, const uint8_t *from, int *inside)
{
    uint64_t bits = 0;
    for (int i = 0; i < STEP; i += 8) {
        uint64_t eight;
        store8(t->text + t->used + i, fold_ascii(load8(from + i), &eight));
        bits |= eight << i;
    }
    uint64_t edges = bits ^ (bits << 1 | (uint64_t)*inside);
    size_t edge = t->edge;
    for (; edges; edges &= edges - 1)
        t->edges[edge++] = (uint32_t)(t->used + (size_t)lowest_bit(edges));
    t->edge = edge;
    *inside = (int)(bits >> 63);
    t->used += STEP;
}

/* Takes in a folded code point, which is nothing of a token (0), a part of one (1), or one of its own (2). */
static void
take_point(Text *t, uint32_t point, uint32_t kind, int *inside)
{
    uint8_t *to = t->text + t->used;
    t->edges[t->edge] = (uint32_t)t->used;
    t->edge += (kind != 0) != *inside;
    if (kind == 2 && *inside) { /* it ends what was open, and begins */
        t->edges[t->edge++] = (uint32_t)t->used;
        t->edges[t->edge++] = (uint32_t)t->used;
    }
    if (point < 0x80)
        to[0] = (uint8_t)point, t->used += 1;
    else if (point < 0x800)
        to[0] = (uint8_t)(0xC0 | point >> 6), to[1] = (uint8_t)(0x80 | (point & 63)), t->used += 2;
    else if (point < 0x10000)
        to[0] = (uint8_t)(0xE0 | point >> 12), to[1] = (uint8_t)(0x80 | (point >> 6 & 63)),
        to[2] = (uint8_t)(0x80 | (point & 63)), t->used += 3;
    else
        to[0] = (uint8_t)(0xF0 | point >> 18), to[1] = (uint8_t)(0x80 | (point >> 12 & 63)),
        to[2] = (uint8_t)(0x80 | (point >> 6 & 63)), to[3] = (uint8_t)(0x80 | (point & 63)), t->used += 4;
    *inside = kind == 1;
    if (kind == 2)
        t->edges[t->edge++] = (uint32_t)t->used;
}

/* The code point that begins at `from`, and its bytes; of what is no UTF-8 one byte, which is nothing of a token. */
static uint32_t
decode(const uint8_t *from, const uint8_t *end, size_t *bytes)
{
    uint32_t first = from[0], point;
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    *bytes = 1;
    if (first < 0x80)
        return first;
    if (first < 0xC2 || first > 0xF4 || (size_t)(end - from) <= more)
        return 0;
    point = first & (0x3Fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((from[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (from[i] & 63u);
    }
    if (point < least[more] || point > LAST_POINT || (point >= 0xD800 && point < 0xE000))
        return 0;
    *bytes = more + 1;
    return point;
}

/* Takes in a step of any text, or what is left of it; how many bytes that was. */
static size_t
take_any(Text *t, const uint8_t *from, const uint8_t *end, int *inside)
{
    const uint8_t *start = from, *stop = end - from > STEP ? from + STEP : end;
    while (from < stop) {
        size_t bytes;
        uint32_t code = t->tables->codes[decode(from, end, &bytes)], point = code & 0x1FFFFF;
        from += bytes;
        if (!(code >> 23 & 1)) {
            take_point(t, point, code >> 21 & 3, inside);
            continue;
        }
        if (point >= t->tables->rows_of_foldings)
            continue;
        for (const uint32_t *one = t->tables->foldings + 3 * point, *last = one + 3; one < last && *one; one++)
            if (*one <= LAST_POINT)
                take_point(t, *one, t->tables->codes[*one] >> 21 & 3, inside);
    }
    return (size_t)(from - start);
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

/* The shingles that begin at the first tokens; what is left of the tokens begins shingles of the next window. */
static void
pass_on(Text *t, Sink *sink)
{
    if (t->held < SHINGLE)
        return;
    size_t count = t->held - (SHINGLE - 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t x = t->tokens[i];
        for (int k = 1; k < SHINGLE; k++)
            x = (x ^ x >> 32) * MIX1 + t->tokens[i + (size_t)k];
        x = (x ^ x >> 30) * MIX1;
        x = (x ^ x >> 27) * MIX2;
        t->shingles[i] = x ^ x >> 31;
    }
    put(sink, t->shingles, count);
    memmove(t->tokens, t->tokens + count, (SHINGLE - 1) * 8);
    t->held = SHINGLE - 1;
}

/* Empties the window: all whole tokens are hashed, and of an open one all whole words. */
static void
flush(Text *t, Sink *sink, int inside)
{
    size_t before = t->held;
    if (inside)
        t->edges[t->edge++] = (uint32_t)t->used;
    for (size_t edge = 0; edge < t->edge; edge += 2) {
        size_t start = t->edges[edge], bytes = t->edges[edge + 1] - start;
        uint64_t sum = 0, number = 0;
        if (edge == 0)
            sum = t->sum, number = t->word;
        for (; bytes > 8; bytes -= 8, start += 8)
            sum += hash_word(load8(t->text + start), number++);
        if (inside && edge + 2 == t->edge) { /* at most eight bytes are left of what stays open */
            memmove(t->text, t->text + start, bytes);
            t->used = bytes, t->edges[0] = 0, t->edge = 1, t->sum = sum, t->word = number;
            t->seen += t->held - before;
            pass_on(t, sink);
            return;
        }
        sum += hash_word(load8(t->text + start) & ~(uint64_t)0 >> (64 - 8 * bytes), number);
        t->tokens[t->held++] = sum;
    }
    t->used = t->edge = 0, t->sum = t->word = 0;
    t->seen += t->held - before;
    pass_on(t, sink);
}

/* A whole text; its end ends a token. */
static void
take_text(Text *t, Sink *sink, const uint8_t *from, const uint8_t *end)
{
    int inside = 0;
    while (from < end) {
        if (t->used > WINDOW - MOST)
            flush(t, sink, inside);
        uint64_t any = 0;
        for (int i = 0; i < STEP && end - from >= STEP; i += 8)
            any |= load8(from + i);
        if (end - from < STEP || any & HIGH_BITS)
            from += take_any(t, from, end, &inside);
        else
            take_ascii(t, from, &inside), from += STEP;
    }
    if (inside)
        t->edges[t->edge++] = (uint32_t)t->used;
    if (t->edge)
        flush(t, sink, 0);
    t->used = 0;
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
    uint8_t full[SLOTS];
    uint32_t own[SLOTS];
    int count = 0;
    for (int i = 0; i < SLOTS; i++) {
        full[count] = (uint8_t)i;
        count += signature[i] != EMPTY;
    }
    if (count == SLOTS || !count)
        return;
    memcpy(own, signature, sizeof own);
    for (int i = 0; i < SLOTS; i++) {
        const uint8_t *order = tables->order + SLOTS * i, *rank = tables->rank + SLOTS * i;
        if (own[i] != EMPTY)
            continue;
        if (count > 11) { /* where many are full, one is found soon; else there are few to compare */
            int k = 0;
            while (k < SLOTS - 1 && own[order[k] % SLOTS] == EMPTY)
                k++;
            signature[i] = own[order[k] % SLOTS];
            continue;
        }
        int best = full[0];
        for (int k = 1; k < count; k++)
            best = rank[full[k]] < rank[best] ? full[k] : best;
        signature[i] = own[best];
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
lists(Text *t, const Column *columns, Py_ssize_t width, Py_ssize_t count, int64_t *offsets, Sink *sink)
{
    offsets[0] = 0;
    for (Py_ssize_t row = 0; row < count && !sink->failed; row++) {
        size_t start = sink->count;
        if (take_row(t, sink, columns, width, row) < 0)
            return -1;
        if (!sink->failed)
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
        view(offsets, own + 1, call->count ? (end + 1) * 4 : 0, PyBUF_SIMPLE) < 0 || view(text, own + 2, 0, PyBUF_SIMPLE) < 0)
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
    int wrong;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!nO!", &PyList_Type, &list, &call.count, &PyTuple_Type, &tables))
        return NULL;
    if (open_call(&call, list, tables, Py_None) == 0 &&
        (offsets = PyBytes_FromStringAndSize(NULL, 8 * (call.count + 1)))) {
        int64_t *to = (int64_t *)PyBytes_AsString(offsets);
        Py_BEGIN_ALLOW_THREADS
        wrong = lists(call.text, call.columns, call.width, call.count, to, &sink);
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
     "sketch(columns, count, tables, out)\n--\n\nWrites 128 numbers of 32 bits for each of count rows to out. A column is "
     "(validity, offsets, text, start): buffers of Arrow, and where its rows start in them. The tables are (codes, "
     "foldings, order and rank of the slots)."},
    {"shingles", shingles, METH_VARARGS,
     "shingles(columns, count, tables)\n--\n\nThe sorted, distinct shingle hashes of each of count rows, as bytes: where "
     "those of a row begin and end (64 bits each), and the hashes (64 bits each)."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_sketch", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__sketch(void)
{
    return PyModule_Create(&definition);
}
