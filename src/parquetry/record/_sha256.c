/* Columns of byte strings -> SHA-256 of each row.
 *
 * This is the fast path of `parquetry.record.content`, which says the same in Python and is asked where this file could
 * not be compiled. It exists because a call of Python for each row costs more than the digest of a small row, and
 * because the interpreter lock is let go of once for a whole batch. SHA-256 is FIPS 180-4.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define WITH_SHA_EXTENSIONS
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

#define TURN(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static void
compress_plain(uint32_t state[8], const uint8_t *text, size_t blocks)
{
    for (; blocks > 0; blocks--, text += 64) {
        uint32_t w[64], s[8];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)text[4 * i] << 24 | (uint32_t)text[4 * i + 1] << 16 | (uint32_t)text[4 * i + 2] << 8 |
                   text[4 * i + 3];
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] + (TURN(w[i - 15], 7) ^ TURN(w[i - 15], 18) ^ (w[i - 15] >> 3)) +
                   (TURN(w[i - 2], 17) ^ TURN(w[i - 2], 19) ^ (w[i - 2] >> 10));
        memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t one = s[7] + (TURN(s[4], 6) ^ TURN(s[4], 11) ^ TURN(s[4], 25)) +
                           ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[i] + w[i];
            uint32_t two = (TURN(s[0], 2) ^ TURN(s[0], 13) ^ TURN(s[0], 22)) +
                           ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += one;
            s[0] = one + two;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

#ifdef WITH_SHA_EXTENSIONS
/* The instructions take the state as the words ABEF and CDGH, and do two rounds each. */
__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_extended(uint32_t state[8], const uint8_t *text, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(abcd, efgh, 8), cdgh = _mm_blend_epi16(efgh, abcd, 0xF0);
    for (; blocks > 0; blocks--, text += 64) {
        __m128i before0 = abef, before1 = cdgh, w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(text + 16 * i)), swap);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i sum = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (i < 12) {
                __m128i last = w[(i + 3) & 3];
                __m128i part = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                             _mm_alignr_epi8(last, w[(i + 2) & 3], 4));
                w[i & 3] = _mm_sha256msg2_epu32(part, last);
            }
        }
        abef = _mm_add_epi32(abef, before0);
        cdgh = _mm_add_epi32(cdgh, before1);
    }
    abcd = _mm_shuffle_epi32(abef, 0x1B);
    efgh = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(abcd, efgh, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(efgh, abcd, 8));
}
#endif

static void (*compress)(uint32_t[8], const uint8_t *, size_t) = compress_plain;

typedef struct {
    uint32_t state[8];
    uint8_t held[64];
    uint64_t bytes;
} Digest;

static void
update(Digest *digest, const uint8_t *text, size_t bytes)
{
    size_t held = digest->bytes % 64;
    digest->bytes += bytes;
    if (held) {
        size_t some = bytes < 64 - held ? bytes : 64 - held;
        memcpy(digest->held + held, text, some);
        text += some, bytes -= some;
        if (held + some < 64)
            return;
        compress(digest->state, digest->held, 1);
    }
    compress(digest->state, text, bytes / 64);
    memcpy(digest->held, text + bytes / 64 * 64, bytes % 64);
}

static void
finish(Digest *digest, uint8_t *out)
{
    uint8_t end[72] = {0x80};
    uint64_t bits = digest->bytes * 8;
    size_t pad = (digest->bytes % 64 < 56 ? 56 : 120) - digest->bytes % 64;
    for (int i = 0; i < 8; i++)
        end[pad + i] = (uint8_t)(bits >> (56 - 8 * i));
    update(digest, end, pad + 8);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(digest->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* One column: where its byte strings are, and whether they are told with a tag and their length. */
typedef struct {
    int tagged;
    const uint8_t *valid;
    const int32_t *offsets;
    const uint8_t *text;
    Py_ssize_t start;
} Column;

static void
rows(const Column *columns, Py_ssize_t width, Py_ssize_t count, uint8_t *out)
{
    for (Py_ssize_t row = 0; row < count; row++) {
        Digest digest = {{0}, {0}, 0};
        memcpy(digest.state, START, sizeof START);
        for (const Column *column = columns; column < columns + width; column++) {
            Py_ssize_t place = column->start + row;
            if (column->tagged && column->valid && !(column->valid[place / 8] >> (place % 8) & 1)) {
                update(&digest, (const uint8_t *)"", 1); /* a NUL stands for null */
                continue;
            }
            uint64_t bytes = (uint64_t)(column->offsets[place + 1] - column->offsets[place]);
            if (column->tagged) {
                uint8_t head[9] = {5};
                for (int i = 0; i < 8; i++)
                    head[1 + i] = (uint8_t)(bytes >> 8 * i);
                update(&digest, head, 9);
            }
            update(&digest, column->text + column->offsets[place], bytes);
        }
        finish(&digest, out + 32 * row);
    }
}

/* A view of a buffer of at least some bytes; None is no buffer. */
static int
view(PyObject *from, Py_buffer *into, Py_ssize_t least)
{
    memset(into, 0, sizeof *into);
    if (from == Py_None)
        return 0;
    if (PyObject_GetBuffer(from, into, PyBUF_SIMPLE) < 0)
        return -1;
    if (into->len < least) {
        PyErr_SetString(PyExc_ValueError, "a buffer is too short for its rows");
        return -1;
    }
    return 0;
}

static PyObject *
digest_rows(PyObject *module, PyObject *args)
{
    PyObject *list, *result = NULL;
    Py_ssize_t count, width;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &list, &count))
        return NULL;
    width = PyList_Size(list);
    if (count < 0)
        return PyErr_Format(PyExc_ValueError, "fewer rows than none");
    Py_buffer *views = PyMem_Calloc((size_t)(3 * width + 1), sizeof *views);
    Column *columns = PyMem_Calloc((size_t)(width + 1), sizeof *columns);
    if (!views || !columns) {
        PyMem_Free(views);
        PyMem_Free(columns);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < width; i++) {
        PyObject *valid, *offsets, *text;
        Column *column = columns + i;
        if (!PyArg_ParseTuple(PyList_GetItem(list, i), "pOOOn", &column->tagged, &valid, &offsets, &text,
                              &column->start))
            goto done;
        if (view(valid, views + 3 * i, (column->start + count + 7) / 8) < 0 ||
            view(offsets, views + 3 * i + 1, (column->start + count + 1) * 4) < 0 || view(text, views + 3 * i + 2, 0) < 0)
            goto done;
        column->valid = views[3 * i].buf;
        column->offsets = views[3 * i + 1].buf;
        column->text = views[3 * i + 2].buf ? views[3 * i + 2].buf : (const uint8_t *)"";
        if (count && (!column->offsets || column->offsets[column->start + count] > views[3 * i + 2].len)) {
            PyErr_SetString(PyExc_ValueError, "a text is too short for its offsets");
            goto done;
        }
    }
    result = PyBytes_FromStringAndSize(NULL, 32 * count);
    if (result) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        rows(columns, width, count, out);
        Py_END_ALLOW_THREADS
    }
done:
    for (Py_ssize_t i = 0; i < 3 * width; i++)
        if (views[i].obj)
            PyBuffer_Release(views + i);
    PyMem_Free(views);
    PyMem_Free(columns);
    return result;
}

static PyMethodDef methods[] = {
    {"digest_rows", digest_rows, METH_VARARGS,
     "digest_rows(columns, count)\n--\n\nSHA-256 of each of count rows, 32 bytes each. A column is (tagged, validity, "
     "offsets, text, start): buffers of Arrow, and where its rows start in them."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_sha256", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__sha256(void)
{
#ifdef WITH_SHA_EXTENSIONS
    unsigned a, b, c, d;
    int known = __get_cpuid(1, &a, &b, &c, &d) && (c >> 9 & 1) && (c >> 19 & 1);
    if (known && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1))
        compress = compress_extended;
#endif
    return PyModule_Create(&definition);
}
