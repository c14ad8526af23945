/* Batch normalisation in training and, behind it, PReLU: both in two passes over the memory, forward and backward, for f32 on CPUs.
 *
 * The first pass adds up, the second one maps (`rows.h` has the formulas). The first goes from the end to the start: the op before left
 * the end in the cache, and so it leaves the start to the second.
 *
 * Memory is rows of channels side by side (channels last, and features [N, C]), or planes of one channel each (contiguous).
 */
#include "rows.h"

VERSIONS static void plane_sums(from x, ptrdiff_t n, float shift, to sum, to squares) {
  float s = 0, q = 0;
#pragma omp simd reduction(+ : s, q)
  for (ptrdiff_t i = 0; i < n; i++) {
    const float p = x[i] - shift;
    s += p;
    q += p * p;
  }
  *sum += s;
  *squares += q;
}

VERSIONS static void plane_map(from x, to y, ptrdiff_t n, float a, float mean, float bias, float slope) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float z = a * (x[i] - mean) + bias;
    y[i] = z > 0 ? z : slope * z;
  }
}

VERSIONS static void plane_back_sums(from x, from g, ptrdiff_t n, float a, float mean, float bias, float slope, to by_z,
                                     to by_x, to by_slope) {
  float s = 0, q = 0, t = 0;
#pragma omp simd reduction(+ : s, q, t)
  for (ptrdiff_t i = 0; i < n; i++) {
    const float x0 = x[i] - mean, z = a * x0 + bias, d = z > 0 ? g[i] : slope * g[i];
    s += d;
    q += d * x0;
    t += z > 0 ? 0 : z * g[i];
  }
  *by_z += s;
  *by_x += q;
  *by_slope += t;
}

VERSIONS static void plane_back_map(from x, from g, to out, ptrdiff_t n, float a, float mean, float bias, float slope, float e,
                                    float f) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float x0 = x[i] - mean, z = a * x0 + bias, d = z > 0 ? g[i] : slope * g[i];
    out[i] = a * d + (e + f * x0);
  }
}

/* Where values lie. In rows, a channel's values stand `channels` apart; in planes, `plane` of them side by side. */
typedef struct {
  int64_t images, channels, plane, in_rows;
} Layout;

static ptrdiff_t pieces(Layout l) { return l.in_rows ? l.images * l.plane : l.images * l.channels; }

/* Adds a part's values to sums[2][channels]; `block` has the same size. */
static void sums(const float *x, Layout l, Part part, const float *shift, float *block, double *all) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    sums_of_rows(x + part.first * c, part.end - part.first, c, shift, block, all);
    return;
  }
  for (ptrdiff_t p = part.end - 1; p >= part.first; p--)
    for (ptrdiff_t i = 0, k = p % c; i < l.plane; i += 8 * BLOCK) {
      float two[2] = {0, 0};
      plane_sums(x + p * l.plane + i, l.plane - i < 8 * BLOCK ? l.plane - i : 8 * BLOCK, shift[k], two, two + 1);
      all[k] += two[0];
      all[k + c] += two[1];
    }
}

static void map(const float *x, float *y, Layout l, Part part, Map m) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    rows_map(x + part.first * c, y + part.first * c, part.end - part.first, c, m.a, m.mean, m.bias, m.slope);
    return;
  }
  for (ptrdiff_t p = part.first; p < part.end; p++) {
    const ptrdiff_t k = p % c;
    plane_map(x + p * l.plane, y + p * l.plane, l.plane, m.a[k], m.mean[k], m.bias[k], m.slope[k]);
  }
}

/* The same for sums[3][channels] of the backward. */
static void back_sums(const float *x, const float *g, Layout l, Part part, Map m, float *block, double *all) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    back_sums_of_rows(x + part.first * c, g + part.first * c, part.end - part.first, c, m, block, all);
    return;
  }
  for (ptrdiff_t p = part.end - 1; p >= part.first; p--)
    for (ptrdiff_t i = 0, k = p % c; i < l.plane; i += 8 * BLOCK) {
      float three[3] = {0, 0, 0};
      const ptrdiff_t at = p * l.plane + i;
      plane_back_sums(x + at, g + at, l.plane - i < 8 * BLOCK ? l.plane - i : 8 * BLOCK, m.a[k], m.mean[k],
                      m.bias[k], m.slope[k], three, three + 1, three + 2);
      for (int j = 0; j < 3; j++) all[k + j * c] += three[j];
    }
}

static void back_map(const float *x, const float *g, float *out, Layout l, Part part, Map m) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    const ptrdiff_t at = part.first * c;
    rows_back_map(x + at, g + at, out + at, part.end - part.first, c, c, m.a, m.mean, m.bias, m.slope, m.e, m.f);
    return;
  }
  for (ptrdiff_t p = part.first; p < part.end; p++) {
    const ptrdiff_t k = p % c, at = p * l.plane;
    plane_back_map(x + at, g + at, out + at, l.plane, m.a[k], m.mean[k], m.bias[k], m.slope[k], m.e[k], m.f[k]);
  }
}

/* Fills y and the norm's statistics, and moves the running ones, where there are some. Returns 0, or 1 where there is no memory. */
int f2c_normalise(const float *x, float *y, const Layout *layout, const Norm *norm, int threads) {
  const Layout l = *layout;
  const ptrdiff_t c = l.channels;
  Work w;
  if (!work(&w, threads, 2 * c, 2 * c, (NUMBERS + 1) * c)) return 1;
  const Map m = map_of(norm, w.shared, c);
  float *shift = w.shared + NUMBERS * c;
  for (ptrdiff_t i = 0; i < c; i++) shift[i] = x[l.in_rows ? i : i * l.plane];
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(pieces(l), thread, team);
    sums(x, l, part, shift, w.floats + thread * w.floats_each, w.sums + thread * 2 * c);
#pragma omp barrier
#pragma omp single
    statistics(norm, m, w.sums, team, shift, c, l.images * l.plane);
    map(x, y, l, part, m);
  }
  done(&w);
  return 0;
}

/* Fills the gradients by x, and those of the norm that are asked for. */
int f2c_normalise_back(const float *x, const float *g, float *by_x, const Layout *layout, const Norm *norm, int threads) {
  const Layout l = *layout;
  const ptrdiff_t c = l.channels;
  Work w;
  if (!work(&w, threads, 3 * c, 3 * c, NUMBERS * c)) return 1;
  const Map m = map_of(norm, w.shared, c);
  scale(norm, m, c);
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(pieces(l), thread, team);
    back_sums(x, g, l, part, m, w.floats + thread * w.floats_each, w.sums + thread * 3 * c);
#pragma omp barrier
#pragma omp single
    back_statistics(norm, m, w.sums, team, c, l.images * l.plane);
    back_map(x, g, by_x, l, part, m);
  }
  done(&w);
  return 0;
}
