/* What the kernels have in common: rows of channels side by side, and a normalisation with its numbers.
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
 * z is worked out again in each pass, which is cheaper than to keep it. Sums are in f32 over BLOCK values and in f64 above; the
 * forward's are of x minus some value of the channel, so that nothing cancels.
 *
 * What loops over values has a version for AVX-512, AVX2 and the rest, picked when loaded.
 */
#pragma once
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Versions are picked by what the processor can do; by name (`arch=haswell`), only processors of that name would get theirs. */
#if !defined(__x86_64__) || !defined(__gnu_linux__)
#define VERSIONS __attribute__((noinline, unused))
#elif !defined(__clang__) && __GNUC__ >= 12
#define VERSIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline, unused))
#else
#define VERSIONS __attribute__((target_clones("avx512f", "avx2", "default"), noinline, unused))
#endif
#define HERE __attribute__((unused)) static

/* How many values are added in f32 before the sum goes on in f64. */
#define BLOCK 128

typedef float *restrict to;
typedef const float *restrict from;

/* A normalisation, as the host hands it over. What is given may be absent, but for the statistics; of slopes there may be one for all
 * channels. */
typedef struct {
  const float *weight, *bias, *slope;
  int64_t slopes;
  float *running_mean, *running_variance;
  double momentum, eps;
  float *mean, *r;
  float *by_weight, *by_bias, *by_slope;
} Norm;

/* What becomes of a channel's values, a number a channel each; the last two are the backward's. */
typedef struct {
  float *a, *mean, *bias, *slope, *e, *f;
} Map;

/* Forward: sums of x - shift and of its squares. Four rows a turn, so that sums are loaded and stored once for all of them. */
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

/* y may be x. */
VERSIONS static void rows_map(const float *x, float *y, ptrdiff_t rows, ptrdiff_t c, from a, from mean, from bias, from slope) {
  for (ptrdiff_t r = 0; r < rows; r++, x += c, y += c)
#pragma omp simd
    for (ptrdiff_t i = 0; i < c; i++) {
      const float z = a[i] * (x[i] - mean[i]) + bias[i];
      y[i] = z > 0 ? z : slope[i] * z;
    }
}

/* Backward: sums of d, of d (x - mean), and of z g where z <= 0. */
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

/* dL/dx = a d + e + f (x - mean). The result may take the place of g. Rows of it stand `apart`. */
VERSIONS static void rows_back_map(from x, const float *g, float *out, ptrdiff_t rows, ptrdiff_t c, ptrdiff_t apart, from a,
                                   from mean, from bias, from slope, from e, from f) {
  for (ptrdiff_t r = 0; r < rows; r++, x += c, g += c, out += apart)
#pragma omp simd
    for (ptrdiff_t i = 0; i < c; i++) {
      const float x0 = x[i] - mean[i], z = a[i] * x0 + bias[i], d = z > 0 ? g[i] : slope[i] * g[i];
      out[i] = a[i] * d + (e[i] + f[i] * x0);
    }
}

/* A thread's part of all rows, planes or images. */
typedef struct {
  ptrdiff_t first, end;
} Part;

HERE Part part_of(ptrdiff_t all, int thread, int threads) {
  return (Part){all * thread / threads, all * (thread + 1) / threads};
}

HERE void add(double *into, const float *some, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i++) into[i] += some[i];
}

/* Adds the sums of `rows` rows to all[2][c]; `block` has the same size. From the end to the start: the op before left the end in
 * the cache. */
HERE void sums_of_rows(const float *x, ptrdiff_t rows, ptrdiff_t c, const float *shift, float *block, double *all) {
  for (ptrdiff_t end = rows; end > 0; end -= BLOCK) {
    const ptrdiff_t r = end > BLOCK ? end - BLOCK : 0;
    memset(block, 0, 2 * c * sizeof(float));
    rows_sums(x + r * c, end - r, c, shift, block, block + c);
    add(all, block, 2 * c);
  }
}

/* The same for sums[3][c] of the backward. */
HERE void back_sums_of_rows(const float *x, const float *g, ptrdiff_t rows, ptrdiff_t c, Map m, float *block, double *all) {
  for (ptrdiff_t end = rows; end > 0; end -= BLOCK) {
    const ptrdiff_t r = end > BLOCK ? end - BLOCK : 0;
    memset(block, 0, 3 * c * sizeof(float));
    rows_back_sums(x + r * c, g + r * c, end - r, c, m.a, m.mean, m.bias, m.slope, block, block + c, block + 2 * c);
    add(all, block, 3 * c);
  }
}

/* A channel's number, of one for all, one a channel, or none given. */
HERE float of(const float *numbers, int64_t count, ptrdiff_t channel, float otherwise) {
  return numbers ? numbers[count == 1 ? 0 : channel] : otherwise;
}

/* Adds up what the threads have of channel i. */
HERE double total(const double *sums, int threads, ptrdiff_t stride, ptrdiff_t i) {
  double all = 0;
  for (int t = 0; t < threads; t++) all += sums[t * stride + i];
  return all;
}

/* What threads work in: each its sums and, from a multiple of 64 bytes on, floats, which begin as zeros; and floats that all share. */
typedef struct {
  double *sums;
  float *floats, *shared;
  ptrdiff_t floats_each;
} Work;

HERE void done(Work *w) {
  free(w->sums);
  free(w->floats);
  free(w->shared);
}

/* `sums` and `floats` are a thread's. Returns whether there is memory; where there is none, nothing is kept. */
HERE int work(Work *w, int threads, ptrdiff_t sums, ptrdiff_t floats, ptrdiff_t shared) {
  w->floats_each = (floats + 15) / 16 * 16;
  const size_t size = (size_t)threads * w->floats_each * sizeof(float);
  w->sums = calloc((size_t)threads * sums, sizeof(double));
  w->floats = aligned_alloc(64, size);
  w->shared = malloc((size_t)shared * sizeof(float));
  if (w->sums && w->floats && w->shared) {
    memset(w->floats, 0, size);
    return 1;
  }
  done(w);
  return 0;
}

/* Numbers a channel that `map_of` lays out. */
#define NUMBERS 5

/* The map of a normalisation in `numbers`, NUMBERS a channel, still without a, e and f. */
HERE Map map_of(const Norm *norm, float *numbers, ptrdiff_t c) {
  const Map m = {numbers, norm->mean, numbers + c, numbers + 2 * c, numbers + 3 * c, numbers + 4 * c};
  for (ptrdiff_t i = 0; i < c; i++) {
    m.slope[i] = of(norm->slope, norm->slopes, i, 1);
    m.bias[i] = of(norm->bias, c, i, 0);
  }
  return m;
}

HERE void scale(const Norm *norm, Map m, ptrdiff_t c) {
  for (ptrdiff_t i = 0; i < c; i++) m.a[i] = of(norm->weight, c, i, 1) * norm->r[i];
}

/* Mean, r and a from what threads added up in sums[threads][2][c] of `count` values a channel; moves the running statistics. */
HERE void statistics(const Norm *norm, Map m, const double *sums, int threads, const float *shift, ptrdiff_t c, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < c; i++) {
    const double off = total(sums, threads, 2 * c, i) / count;
    const double squares = total(sums, threads, 2 * c, i + c) / count - off * off;
    const double mean = off + shift[i], variance = squares < 0 ? 0 : squares;
    norm->mean[i] = mean;
    norm->r[i] = 1 / sqrt(variance + norm->eps);
    if (norm->running_mean) {
      norm->running_mean[i] += norm->momentum * (mean - norm->running_mean[i]);
      norm->running_variance[i] += norm->momentum * (variance * count / (count - 1) - norm->running_variance[i]);
    }
  }
  scale(norm, m, c);
}

/* The gradients by weight, bias and slope that are asked for, and e and f, from sums[threads][3][c]. */
HERE void back_statistics(const Norm *norm, Map m, const double *sums, int threads, ptrdiff_t c, ptrdiff_t count) {
  double of_all = 0;
  for (ptrdiff_t i = 0; i < c; i++) {
    const double by_z = total(sums, threads, 3 * c, i), along = total(sums, threads, 3 * c, i + c) * norm->r[i];
    const double below = total(sums, threads, 3 * c, i + 2 * c);
    of_all += below;
    if (norm->by_bias) norm->by_bias[i] = by_z;
    if (norm->by_weight) norm->by_weight[i] = along;
    if (norm->by_slope && norm->slopes != 1) norm->by_slope[i] = below;
    m.f[i] = -m.a[i] * norm->r[i] * along / count;
    m.e[i] = -m.a[i] * by_z / count;
  }
  if (norm->by_slope && norm->slopes == 1) *norm->by_slope = of_all;
}
