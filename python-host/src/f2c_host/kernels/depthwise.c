/* A depthwise convolution in training between two batch normalisations, each with PReLU behind it or not, for f32 on CPUs with
 * channels last:
 *
 *     inner = PReLU(normalise(x)),     between = convolve(inner, kernel),     y = PReLU(normalise(between))
 *
 * `rows.h` has the formulas of the normalisations. Rows of `inner`, and backward rows of the gradient by `between`, live in the cache for
 * as long as the convolution looks at them, so that a pass of the memory does the work of three:
 *
 *     forward    1 sums of x     2 x -> inner -> between and its sums                                       3 between -> y
 *     backward   1 sums of between, g     2 x, between, g -> gradients by inner and kernel, and sums     3 x, gradient by inner -> by x
 *
 * Images are divided among threads.
 */
#include "rows.h"

/* Channels that are convolved side by side; there are no fewer (`depthwise.py`). */
#define LANES 16
/* Taps of the kernel that are in registers at a time. */
#define MOST_TAPS 9
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* [height, width] of each. */
typedef struct {
  int64_t images, channels, size[2], out[2], kernel[2], stride[2], padding[2];
} Window;

enum { HEIGHT, WIDTH };

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* Zero in the first lanes, which are those that the lanes before have computed already, and one in the rest. */
static inline __attribute__((always_inline)) void but_first(ptrdiff_t some, lanes *ones) {
  for (int l = 0; l < LANES; l++) (*ones)[l] = l >= some;
}

/* Adds to out[n][c] what each row gives by its taps: out[j] += sum over t of taps[t] * row[j * step + t], taps being [tall][wide][c].
 * Without `adds` it is put there. The last lanes end with the last channel, so that they may begin among those before. */
static inline __attribute__((always_inline)) void convolve_rows(const float *const *rows, const float *taps, float *out, ptrdiff_t n,
                                                                ptrdiff_t step, ptrdiff_t c, int adds, const int tall,
                                                                const int wide) {
  for (ptrdiff_t begin = 0; begin < c; begin += LANES) {
    const ptrdiff_t i = least(begin, c - LANES);
    lanes w[MOST_TAPS];
#pragma GCC unroll 9
    for (int t = 0; t < tall * wide; t++) w[t] = *(const lanes *)(taps + t * c + i);
    if (adds && i < begin) {
      lanes ones;
      but_first(begin - i, &ones);
#pragma GCC unroll 9
      for (int t = 0; t < tall * wide; t++) w[t] *= ones;
    }
    for (ptrdiff_t j = 0; j < n; j++) {
      lanes sum = {0};
      if (adds) sum = *(lanes *)(out + j * c + i);
#pragma GCC unroll 9
      for (int a = 0; a < tall; a++)
#pragma GCC unroll 9
        for (int b = 0; b < wide; b++) sum += w[a * wide + b] * *(const lanes *)(rows[a] + (j * step + b) * c + i);
      *(lanes *)(out + j * c + i) = sum;
    }
  }
}

/* Adds to by_taps[tall][wide][c] the products of each gradient row g[a][j * apart] with inner[j * step + t]. */
static inline __attribute__((always_inline)) void weigh_rows(const float *const *g, const float *inner, float *by_taps, ptrdiff_t n,
                                                             ptrdiff_t apart, ptrdiff_t step, ptrdiff_t c, const int tall,
                                                             const int wide) {
  for (ptrdiff_t begin = 0; begin < c; begin += LANES) {
    const ptrdiff_t i = least(begin, c - LANES);
    lanes sums[MOST_TAPS];
#pragma GCC unroll 9
    for (int t = 0; t < tall * wide; t++) sums[t] = (lanes){0};
    for (ptrdiff_t j = 0; j < n; j++)
#pragma GCC unroll 9
      for (int a = 0; a < tall; a++) {
        const lanes here = *(const lanes *)(g[a] + j * apart * c + i);
#pragma GCC unroll 9
        for (int b = 0; b < wide; b++) sums[a * wide + b] += here * *(const lanes *)(inner + (j * step + b) * c + i);
      }
    lanes ones;
    but_first(begin - i, &ones);
#pragma GCC unroll 9
    for (int t = 0; t < tall * wide; t++) *(lanes *)(by_taps + t * c + i) += sums[t] * ones;
  }
}

/* Versions with taps in registers: three rows of three, and a row of whatever width. */
VERSIONS static void convolve_3_by_3(const float *const *rows, const float *taps, float *out, ptrdiff_t n, ptrdiff_t step, ptrdiff_t c) {
  convolve_rows(rows, taps, out, n, step, c, 0, 3, 3);
}

VERSIONS static void convolve_row(const float *row, const float *taps, float *out, ptrdiff_t n, ptrdiff_t step, ptrdiff_t c, int adds,
                                  int wide) {
  switch (wide) {
    case 3: convolve_rows(&row, taps, out, n, step, c, adds, 1, 3); break;
    case 5: convolve_rows(&row, taps, out, n, step, c, adds, 1, 5); break;
    case 7: convolve_rows(&row, taps, out, n, step, c, adds, 1, 7); break;
    default:
      for (int b = 0; b < wide; b++) {
        const float *from_b = row + b * c;
        convolve_rows(&from_b, taps + b * c, out, n, step, c, adds || b > 0, 1, 1);
      }
  }
}

VERSIONS static void weigh_3_by_3(const float *const *g, const float *inner, float *by_taps, ptrdiff_t n, ptrdiff_t apart, ptrdiff_t step,
                                  ptrdiff_t c) {
  weigh_rows(g, inner, by_taps, n, apart, step, c, 3, 3);
}

VERSIONS static void weigh_row(const float *g, const float *inner, float *by_taps, ptrdiff_t n, ptrdiff_t apart, ptrdiff_t step, ptrdiff_t c,
                               int wide) {
  switch (wide) {
    case 3: weigh_rows(&g, inner, by_taps, n, apart, step, c, 1, 3); break;
    case 5: weigh_rows(&g, inner, by_taps, n, apart, step, c, 1, 5); break;
    case 7: weigh_rows(&g, inner, by_taps, n, apart, step, c, 1, 7); break;
    default:
      for (int b = 0; b < wide; b++) weigh_rows(&g, inner + b * c, by_taps + b * c, n, apart, step, c, 1, 1);
  }
}

/* Rows that the convolution looks at, as many as the kernel is tall: row k is at k modulo that. Beside each are zeros, which are never
 * written. */
typedef struct {
  float *memory;
  ptrdiff_t tall, row, margin, next;
} Ring;

static float *row_of(Ring ring, ptrdiff_t k) { return ring.memory + (k % ring.tall) * ring.row; }

/* The taps of a kernel [channels][height * width], for each of them the channels side by side; `flipped`, from the last to the first. */
static void taps_of(const float *kernel, float *taps, ptrdiff_t count, ptrdiff_t c, int flipped) {
  for (ptrdiff_t t = 0; t < count; t++)
    for (ptrdiff_t i = 0; i < c; i++) taps[t * c + i] = kernel[i * count + (flipped ? count - 1 - t : t)];
}

/* What a thread works in, backward. */
typedef struct {
  double *first, *second, *by_kernel; /* sums of both normalisations and of the kernel's gradient */
  float *block, *by_taps;             /* the same for a while, in f32 */
  Ring ring;
  float *inner; /* a row */
} Thread;

/* Row `k` of the convolution, its first `columns`, from the rows of x that it needs, which are mapped when they are needed first. */
static void convolved(const float *x, float *out, ptrdiff_t k, const Window *w, const float *all_taps, Map m, Ring *ring, ptrdiff_t columns) {
  const ptrdiff_t c = w->channels, tall = w->kernel[HEIGHT], wide = w->kernel[WIDTH], width = w->size[WIDTH];
  const ptrdiff_t top = k * w->stride[HEIGHT] - w->padding[HEIGHT];
  const ptrdiff_t from_row = most(0, top), to_row = least(w->size[HEIGHT], top + tall);
  for (ptrdiff_t r = most(ring->next, from_row); r < to_row; r++)
    rows_map(x + r * width * c, row_of(*ring, r) + ring->margin, width, c, m.a, m.mean, m.bias, m.slope);
  ring->next = most(ring->next, to_row);
  if (tall == 3 && wide == 3 && to_row - from_row == 3) {
    const float *rows[3] = {row_of(*ring, top), row_of(*ring, top + 1), row_of(*ring, top + 2)};
    convolve_3_by_3(rows, all_taps, out, columns, w->stride[WIDTH], c);
    return;
  }
  if (from_row >= to_row) memset(out, 0, columns * c * sizeof(float));
  for (ptrdiff_t r = from_row; r < to_row; r++)
    convolve_row(row_of(*ring, r), all_taps + (r - top) * wide * c, out, columns, w->stride[WIDTH], c, r > from_row, wide);
}

/* Backward, for an image: fills `by_inner`, and adds up what the kernel's gradient and the first normalisation need. `flipped` is the
 * kernel from its end to its start. */
static void image_back(const float *x, const float *between, const float *g, float *by_inner, const Window *w, const float *flipped,
                       Map first, Map second, Thread *own) {
  const ptrdiff_t c = w->channels, tall = w->kernel[HEIGHT], wide = w->kernel[WIDTH], width = w->size[WIDTH];
  const ptrdiff_t out = w->out[WIDTH], step = w->stride[WIDTH], down = w->stride[HEIGHT];
  const ptrdiff_t taps = tall * wide * c, inner_margin = w->padding[WIDTH] * c;
  Ring *ring = &own->ring;
  ptrdiff_t added = 0;
  ring->next = 0;
  memset(own->by_taps, 0, taps * sizeof(float));
  memset(own->block, 0, 3 * c * sizeof(float));
  for (ptrdiff_t r = 0; r < w->size[HEIGHT]; r++, x += width * c, by_inner += width * c) {
    /* This row is under row a of the kernel where the kernel's place is (r + padding - a) / stride. */
    const ptrdiff_t under = r + w->padding[HEIGHT], last = least(w->out[HEIGHT] - 1, under / down);
    const ptrdiff_t begin = under < tall ? 0 : (under - tall) / down + 1;
    for (ptrdiff_t k = most(ring->next, begin); k <= last; k++) {
      const ptrdiff_t at = k * out * c;
      rows_back_map(between + at, g + at, row_of(*ring, k) + ring->margin, out, c, step * c, second.a, second.mean, second.bias,
                    second.slope, second.e, second.f);
    }
    ring->next = most(ring->next, last + 1);
    rows_map(x, own->inner + inner_margin, width, c, first.a, first.mean, first.bias, first.slope);
    if (tall == 3 && wide == 3 && last - begin == 2) {
      /* down is 1: place k has this row under row under - k of the kernel, which flipped is k - begin. */
      const float *rows[3] = {row_of(*ring, begin), row_of(*ring, begin + 1), row_of(*ring, begin + 2)};
      convolve_3_by_3(rows, flipped, by_inner, width, 1, c);
      const float *from_last[3] = {rows[2] + ring->margin, rows[1] + ring->margin, rows[0] + ring->margin};
      weigh_3_by_3(from_last, own->inner, own->by_taps, out, step, step, c);
    } else {
      if (begin > last) memset(by_inner, 0, width * c * sizeof(float));
      for (ptrdiff_t k = begin; k <= last; k++) {
        const ptrdiff_t a = under - k * down;
        convolve_row(row_of(*ring, k), flipped + (tall - 1 - a) * wide * c, by_inner, width, 1, c, k > begin, wide);
        weigh_row(row_of(*ring, k) + ring->margin, own->inner, own->by_taps + a * wide * c, out, step, step, c, wide);
      }
    }
    rows_back_sums(x, by_inner, width, c, first.a, first.mean, first.bias, first.slope, own->block, own->block + c,
                   own->block + 2 * c);
    added += width;
    if (added >= BLOCK) {
      add(own->first, own->block, 3 * c);
      memset(own->block, 0, 3 * c * sizeof(float));
      added = 0;
    }
  }
  add(own->first, own->block, 3 * c);
  add(own->by_kernel, own->by_taps, taps);
}

/* Fills between, y and the statistics of both normalisations. Returns 0, or 1 where there is no memory. */
int f2c_depthwise(const float *x, float *between, float *y, const Window *window, const float *kernel, const Norm *first,
                  const Norm *second, int threads) {
  const Window w = *window;
  const ptrdiff_t c = w.channels, plane = w.size[HEIGHT] * w.size[WIDTH], out_plane = w.out[HEIGHT] * w.out[WIDTH];
  const ptrdiff_t ring_row = (w.size[WIDTH] + 2 * w.padding[WIDTH]) * c, ring = w.kernel[HEIGHT] * ring_row;
  const ptrdiff_t taps = w.kernel[HEIGHT] * w.kernel[WIDTH];
  Work all;
  if (!work(&all, threads, 4 * c, 2 * c + ring, (2 * NUMBERS + 2 + taps) * c)) return 1;
  const Map m = map_of(first, all.shared, c), n = map_of(second, all.shared + NUMBERS * c, c);
  float *shift = all.shared + 2 * NUMBERS * c, *second_shift = shift + c, *all_taps = second_shift + c;
  taps_of(kernel, all_taps, taps, c, 0);
  memcpy(shift, x, c * sizeof(float));
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(w.images, thread, team);
    double *sums = all.sums + thread * 2 * c, *second_sums = all.sums + (threads + thread) * 2 * c;
    float *block = all.floats + thread * all.floats_each;
    Ring rows = {block + 2 * c, w.kernel[HEIGHT], ring_row, w.padding[WIDTH] * c, 0};
    sums_of_rows(x + part.first * plane * c, (part.end - part.first) * plane, c, shift, block, sums);
#pragma omp barrier
#pragma omp single
    {
      statistics(first, m, all.sums, team, shift, c, w.images * plane);
      convolved(x, second_shift, 0, &w, all_taps, m, &rows, 1);
    }
    for (ptrdiff_t image = part.first; image < part.end; image++) {
      float *into = between + image * out_plane * c;
      rows.next = 0;
      for (ptrdiff_t k = 0; k < w.out[HEIGHT]; k++)
        convolved(x + image * plane * c, into + k * w.out[WIDTH] * c, k, &w, all_taps, m, &rows, w.out[WIDTH]);
      sums_of_rows(into, out_plane, c, second_shift, block, second_sums);
    }
#pragma omp barrier
#pragma omp single
    statistics(second, n, all.sums + threads * 2 * c, team, second_shift, c, w.images * out_plane);
    for (ptrdiff_t image = part.end - 1; image >= part.first; image--) {
      const ptrdiff_t at = image * out_plane * c;
      rows_map(between + at, y + at, out_plane, c, n.a, n.mean, n.bias, n.slope);
    }
  }
  done(&all);
  return 0;
}

/* Fills the gradients by x and by the kernel, and those of the normalisations that are asked for. */
int f2c_depthwise_back(const float *x, const float *between, const float *g, float *by_x, float *by_kernel, const Window *window,
                       const float *kernel, const Norm *first, const Norm *second, int threads) {
  const Window w = *window;
  const ptrdiff_t c = w.channels, plane = w.size[HEIGHT] * w.size[WIDTH], out_plane = w.out[HEIGHT] * w.out[WIDTH];
  const ptrdiff_t wide = w.kernel[WIDTH], taps = w.kernel[HEIGHT] * wide * c;
  const ptrdiff_t inner = (w.size[WIDTH] + 2 * w.padding[WIDTH]) * c;
  const ptrdiff_t ring_row = (w.size[WIDTH] + wide - 1) * c, ring = w.kernel[HEIGHT] * ring_row;
  Work all;
  if (!work(&all, threads, 6 * c + taps, 3 * c + taps + inner + ring, 2 * NUMBERS * c + taps)) return 1;
  const Map m = map_of(first, all.shared, c), n = map_of(second, all.shared + NUMBERS * c, c);
  scale(first, m, c);
  scale(second, n, c);
  float *flipped = all.shared + 2 * NUMBERS * c;
  taps_of(kernel, flipped, taps / c, c, 1);
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(w.images, thread, team);
    float *floats = all.floats + thread * all.floats_each;
    Thread own = {
        .first = all.sums + thread * 3 * c,
        .second = all.sums + (threads + thread) * 3 * c,
        .by_kernel = all.sums + threads * 6 * c + thread * taps,
        .block = floats,
        .by_taps = floats + 3 * c,
        .inner = floats + 3 * c + taps,
        .ring = {floats + 3 * c + taps + inner, w.kernel[HEIGHT], ring_row, (wide - 1 - w.padding[WIDTH]) * c, 0},
    };
    const ptrdiff_t at = part.first * out_plane * c;
    back_sums_of_rows(between + at, g + at, (part.end - part.first) * out_plane, c, n, own.block, own.second);
#pragma omp barrier
#pragma omp single
    back_statistics(second, n, all.sums + threads * 3 * c, team, c, w.images * out_plane);
    for (ptrdiff_t image = part.first; image < part.end; image++) {
      const ptrdiff_t here = image * plane * c, there = image * out_plane * c;
      image_back(x + here, between + there, g + there, by_x + here, &w, flipped, m, n, &own);
    }
#pragma omp barrier
#pragma omp single
    {
      back_statistics(first, m, all.sums, team, c, w.images * plane);
      for (ptrdiff_t i = 0; i < taps; i++)
        by_kernel[i % c * (taps / c) + i / c] = total(all.sums + threads * 6 * c, team, taps, i);
    }
    for (ptrdiff_t image = part.end - 1; image >= part.first; image--) {
      const ptrdiff_t here = image * plane * c;
      rows_back_map(x + here, by_x + here, by_x + here, plane, c, c, m.a, m.mean, m.bias, m.slope, m.e, m.f);
    }
  }
  done(&all);
  return 0;
}
