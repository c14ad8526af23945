/* Batch normalisation in training and, behind it, PReLU: both in two passes over the memory, forward and backward, for f32 on CPUs.
 *
 * With x of M values a channel, their mean m and variance v, r = 1 / sqrt(v + eps), x' = (x - m) r and a = weight * r:
 *
 *     z = a (x - m) + bias,     y = z where z > 0, else slope * z
 *
 * and with g = dL/dy, and d = dL/dz = g where z > 0, else slope * g:
 *
 *     dL/dslope = sum of z g where z <= 0,     dL/dbias = sum d,     dL/dweight = sum d x'
 *     dL/dx = a (d - (sum d) / M - x' (sum d x') / M)
 *
 * The first pass adds up, the second one maps. The first goes from the end to the start: the op before left the end in the cache,
 * and so it leaves the start to the second. z is worked out again in each, which is cheaper than to keep it. Sums are in f32
 * over BLOCK values and in f64 above; the forward's are of x minus the channel's first value, so that nothing cancels.
 *
 * Memory is rows of channels side by side (channels last, and features [N, C]), or planes of one channel each (contiguous). What
 * differs between the two is in `rows_…` and `plane_…`; each has a version for AVX-512, AVX2 and the rest, picked when loaded.
 */
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Versions are picked by what the processor can do; by name (`arch=haswell`), only processors of that name would get theirs. */
#if !defined(__x86_64__) || !defined(__gnu_linux__)
#define VERSIONS __attribute__((noinline))
#elif !defined(__clang__) && __GNUC__ >= 12
#define VERSIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#else
#define VERSIONS __attribute__((target_clones("avx512f", "avx2", "default"), noinline))
#endif

/* How many values are added in f32 before the sum goes on in f64. */
#define BLOCK 128

typedef float *restrict to;
typedef const float *restrict from;

/* What becomes of a channel's values, a number a channel each. */
typedef struct {
  const float *a, *mean, *bias, *slope;
} Map;

/* Forward, rows: sums of x - shift and of its squares. Four rows a turn, so that sums are loaded and stored once for all of them. */
VERSIONS static void rows_sums(from x, ptrdiff_t rows, ptrdiff_t c, from shift, to sum, to squares) {
  ptrdiff_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float k = shift[i], p = x[i] - k, q = x[i + c] - k, s = x[i + 2 * c] - k, t = x[i + 3 * c] - k;
      sum[i] += (p + q) + (s + t);
      squares[i] += (p * p + q * q) + (s * s + t * t);
    }
  for (; r < rows; r++, x += c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float p = x[i] - shift[i];
      sum[i] += p;
      squares[i] += p * p;
    }
}

VERSIONS static void rows_map(from x, to y, ptrdiff_t rows, ptrdiff_t c, from a, from mean, from bias, from slope) {
  for (ptrdiff_t r = 0; r < rows; r++, x += c, y += c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float z = a[i] * (x[i] - mean[i]) + bias[i];
      y[i] = z > 0 ? z : slope[i] * z;
    }
}

/* Backward, rows: sums of d, of d (x - mean), and of z g where z <= 0. */
VERSIONS static void rows_back_sums(from x, from g, ptrdiff_t rows, ptrdiff_t c, from a, from mean, from bias, from slope,
                                    to by_z, to by_x, to by_slope) {
  ptrdiff_t r = 0;
  for (; r + 2 <= rows; r += 2, x += 2 * c, g += 2 * c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float x0 = x[i] - mean[i], x1 = x[i + c] - mean[i], g0 = g[i], g1 = g[i + c];
      const float z0 = a[i] * x0 + bias[i], z1 = a[i] * x1 + bias[i];
      const float d0 = z0 > 0 ? g0 : slope[i] * g0, d1 = z1 > 0 ? g1 : slope[i] * g1;
      by_z[i] += d0 + d1;
      by_x[i] += d0 * x0 + d1 * x1;
      by_slope[i] += (z0 > 0 ? 0 : z0 * g0) + (z1 > 0 ? 0 : z1 * g1);
    }
  for (; r < rows; r++, x += c, g += c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float x0 = x[i] - mean[i], z = a[i] * x0 + bias[i], d = z > 0 ? g[i] : slope[i] * g[i];
      by_z[i] += d;
      by_x[i] += d * x0;
      by_slope[i] += z > 0 ? 0 : z * g[i];
    }
}

/* dL/dx = a d + e + f (x - mean). */
VERSIONS static void rows_back_map(from x, from g, to out, ptrdiff_t rows, ptrdiff_t c, from a, from mean, from bias, from slope,
                                   from e, from f) {
  for (ptrdiff_t r = 0; r < rows; r++, x += c, g += c, out += c)
    for (ptrdiff_t i = 0; i < c; i++) {
      const float x0 = x[i] - mean[i], z = a[i] * x0 + bias[i], d = z > 0 ? g[i] : slope[i] * g[i];
      out[i] = a[i] * d + (e[i] + f[i] * x0);
    }
}

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
  int64_t images, channels, plane;
  int in_rows;
} Layout;

/* A thread's part of all rows, or of all planes. */
typedef struct {
  ptrdiff_t first, end;
} Part;

static Part part_of(ptrdiff_t all, int thread, int threads) {
  return (Part){all * thread / threads, all * (thread + 1) / threads};
}

static ptrdiff_t pieces(Layout l) { return l.in_rows ? l.images * l.plane : l.images * l.channels; }

static void add(double *into, const float *some, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i++) into[i] += some[i];
}

/* Adds a part's values to sums[2][channels]; `block` has the same size. */
static void sums(const float *x, Layout l, Part part, const float *shift, float *block, double *all) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    for (ptrdiff_t end = part.end; end > part.first; end -= BLOCK) {
      const ptrdiff_t r = end - BLOCK > part.first ? end - BLOCK : part.first;
      memset(block, 0, 2 * c * sizeof(float));
      rows_sums(x + r * c, end - r, c, shift, block, block + c);
      add(all, block, 2 * c);
    }
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
    for (ptrdiff_t end = part.end; end > part.first; end -= BLOCK) {
      const ptrdiff_t r = end - BLOCK > part.first ? end - BLOCK : part.first;
      memset(block, 0, 3 * c * sizeof(float));
      rows_back_sums(x + r * c, g + r * c, end - r, c, m.a, m.mean, m.bias, m.slope, block, block + c, block + 2 * c);
      add(all, block, 3 * c);
    }
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

static void back_map(const float *x, const float *g, float *out, Layout l, Part part, Map m, const float *e, const float *f) {
  const ptrdiff_t c = l.channels;
  if (l.in_rows) {
    const ptrdiff_t at = part.first * c;
    rows_back_map(x + at, g + at, out + at, part.end - part.first, c, m.a, m.mean, m.bias, m.slope, e, f);
    return;
  }
  for (ptrdiff_t p = part.first; p < part.end; p++) {
    const ptrdiff_t k = p % c, at = p * l.plane;
    plane_back_map(x + at, g + at, out + at, l.plane, m.a[k], m.mean[k], m.bias[k], m.slope[k], e[k], f[k]);
  }
}

/* A channel's number, of one for all, one a channel, or none given. */
static float of(const float *numbers, int64_t count, ptrdiff_t channel, float otherwise) {
  return numbers ? numbers[count == 1 ? 0 : channel] : otherwise;
}

/* What threads need: a sum a channel and thread each, what one adds up in f32, and the numbers of the map. */
typedef struct {
  double *sums;
  float *blocks, *numbers;
} Work;

static int work(Work *w, int threads, int sums_a_channel, int numbers_a_channel, ptrdiff_t c) {
  w->sums = calloc((size_t)threads * sums_a_channel * c, sizeof(double));
  w->blocks = malloc((size_t)threads * sums_a_channel * c * sizeof(float));
  w->numbers = malloc((size_t)numbers_a_channel * c * sizeof(float));
  return w->sums && w->blocks && w->numbers;
}

static void done(Work *w) {
  free(w->sums);
  free(w->blocks);
  free(w->numbers);
}

/* Adds up what the threads have of channel i. */
static double total(const double *sums, int threads, ptrdiff_t stride, ptrdiff_t i) {
  double all = 0;
  for (int t = 0; t < threads; t++) all += sums[t * stride + i];
  return all;
}

/* Fills y, mean and r [channels], and moves the running statistics, where there are some, by `momentum`. `weight`, `bias` and `slope`
 * may be absent; of slopes there may be one for all. Returns 0, or 1 where there is no memory. */
int f2c_normalise(const float *x, float *y, int64_t images, int64_t channels, int64_t plane, int in_rows,
                  const float *weight, const float *bias, const float *slope, int64_t slopes, float *running_mean,
                  float *running_variance, double momentum, double eps, float *mean, float *r, int threads) {
  const Layout layout = {images, channels, plane, in_rows};
  const ptrdiff_t c = channels, count = images * plane;
  Work w;
  if (!work(&w, threads, 2, 4, c)) {
    done(&w);
    return 1;
  }
  float *a = w.numbers, *biases = a + c, *slopes_of = biases + c, *shift = slopes_of + c;
  const Map numbers = {a, mean, biases, slopes_of};
  for (ptrdiff_t i = 0; i < c; i++) {
    biases[i] = of(bias, c, i, 0);
    slopes_of[i] = of(slope, slopes, i, 1);
    shift[i] = x[in_rows ? i : i * plane];
  }
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(pieces(layout), thread, team);
    sums(x, layout, part, shift, w.blocks + thread * 2 * c, w.sums + thread * 2 * c);
#pragma omp barrier
#pragma omp single
    for (ptrdiff_t i = 0; i < c; i++) {
      const double off = total(w.sums, team, 2 * c, i) / count;
      const double squares = total(w.sums, team, 2 * c, i + c) / count - off * off;
      const double m = off + shift[i], variance = squares < 0 ? 0 : squares;
      mean[i] = m;
      r[i] = 1 / sqrt(variance + eps);
      a[i] = of(weight, c, i, 1) * r[i];
      if (running_mean) {
        running_mean[i] += momentum * (m - running_mean[i]);
        running_variance[i] += momentum * (variance * count / (count - 1) - running_variance[i]);
      }
    }
    map(x, y, layout, part, numbers);
  }
  done(&w);
  return 0;
}

/* Fills the gradients by x, and by weight, bias and slope (as many as there are slopes), where they are asked for. */
int f2c_normalise_back(const float *x, const float *g, float *by_x, int64_t images, int64_t channels, int64_t plane,
                       int in_rows, const float *weight, const float *bias, const float *slope, int64_t slopes,
                       const float *mean, const float *r, float *by_weight, float *by_bias, float *by_slope, int threads) {
  const Layout layout = {images, channels, plane, in_rows};
  const ptrdiff_t c = channels, count = images * plane;
  Work w;
  if (!work(&w, threads, 3, 5, c)) {
    done(&w);
    return 1;
  }
  float *a = w.numbers, *biases = a + c, *slopes_of = biases + c, *e = slopes_of + c, *f = e + c;
  const Map numbers = {a, mean, biases, slopes_of};
  for (ptrdiff_t i = 0; i < c; i++) {
    slopes_of[i] = of(slope, slopes, i, 1);
    biases[i] = of(bias, c, i, 0);
    a[i] = of(weight, c, i, 1) * r[i];
  }
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Part part = part_of(pieces(layout), thread, team);
    back_sums(x, g, layout, part, numbers, w.blocks + thread * 3 * c, w.sums + thread * 3 * c);
#pragma omp barrier
#pragma omp single
    {
      double of_all = 0;
      for (ptrdiff_t i = 0; i < c; i++) {
        const double by_z = total(w.sums, team, 3 * c, i), along = total(w.sums, team, 3 * c, i + c) * r[i];
        const double below = total(w.sums, team, 3 * c, i + 2 * c);
        of_all += below;
        if (by_bias) by_bias[i] = by_z;
        if (by_weight) by_weight[i] = along;
        if (by_slope && slopes != 1) by_slope[i] = below;
        f[i] = -a[i] * r[i] * along / count;
        e[i] = -a[i] * by_z / count;
      }
      if (by_slope && slopes == 1) *by_slope = of_all;
    }
    back_map(x, g, by_x, layout, part, numbers, e, f);
  }
  done(&w);
  return 0;
}
