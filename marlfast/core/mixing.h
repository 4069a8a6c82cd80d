/* A monotone mixing network and optimisers, one team of one run: the leaves of src/_mixing.pyx.
 *
 * A network's numbers, in this order: first weights [members, hidden], first biases [hidden], second weights [hidden],
 * last bias. There may be room for more members than a team has. Weights count by their absolute values.
 *
 * Sums run over members, units and numbers in order, in every variant and in marlfast/reference/mixing.py: products are
 * made side by side, and then added one after the other.
 */
#ifndef MARLFAST_MIXING_H
#define MARLFAST_MIXING_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "draws.h"

#if defined(_MSC_VER) && !defined(__clang__)
#define MF_APART __restrict
#else
#define MF_APART __restrict__
#endif

enum { MF_SGD = 0, MF_RMSPROP = 1, MF_ADAM = 2, MF_NORMALISED = 3 };

MF_INLINE double mf_in_order(const double *x, int64_t n, double total) {
    int64_t k;
    for (k = 0; k < n; k++)
        total += x[k];
    return total;
}

MF_INLINE double mf_mix_body(const double *MF_APART w, int64_t room, int64_t hidden, const double *MF_APART u,
                             int64_t members, double *MF_APART out, double *MF_APART slope, double *MF_APART products) {
    const double *b = w + room * hidden, *second = b + hidden;
    int64_t h, j;
    for (h = 0; h < hidden; h++)
        out[h] = b[h];
    for (j = 0; j < members; j++) {
        const double *own = w + j * hidden;
        const double utility = u[j];
        for (h = 0; h < hidden; h++)
            out[h] += utility * fabs(own[h]);
    }
    for (h = 0; h < hidden; h++) {
        const double z = out[h], weight = fabs(second[h]);
        const double power = mf_exp(z <= 0.0 ? z : 0.0); /* what is no number must not become one */
        const double unit = z <= 0.0 ? power - 1.0 : z;
        slope[h] = z <= 0.0 ? weight * power : weight;
        out[h] = unit;
        products[h] = unit * weight;
    }
    return mf_in_order(products, hidden, second[hidden]);
}

MF_INLINE void mf_by_utilities_body(const double *MF_APART w, int64_t hidden, int64_t members,
                                    const double *MF_APART slope, double *MF_APART derivatives,
                                    double *MF_APART products) {
    int64_t h, j;
    for (j = 0; j < members; j++)
        for (h = 0; h < hidden; h++)
            products[j * hidden + h] = slope[h] * fabs(w[j * hidden + h]);
    for (j = 0; j + 4 <= members; j += 4) { /* side by side: one sum would wait for itself at every unit */
        const double *p = products + j * hidden;
        double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
        for (h = 0; h < hidden; h++) {
            a += p[h];
            b += p[hidden + h];
            c += p[2 * hidden + h];
            d += p[3 * hidden + h];
        }
        derivatives[j] = a;
        derivatives[j + 1] = b;
        derivatives[j + 2] = c;
        derivatives[j + 3] = d;
    }
    for (; j < members; j++)
        derivatives[j] = mf_in_order(products + j * hidden, hidden, 0.0);
}

/* A value by the sign of a weight: the derivative of the weight's absolute value is 0 at 0. */
MF_INLINE double mf_along(double value, double weight) { return weight > 0.0 ? value : weight < 0.0 ? -value : 0.0; }

MF_INLINE void mf_by_weights_body(const double *MF_APART w, int64_t room, int64_t hidden, const double *MF_APART u,
                                  int64_t members, const double *MF_APART out, const double *MF_APART slope,
                                  double *MF_APART gradient) {
    const int64_t b = room * hidden;
    int64_t h, j;
    for (j = 0; j < members; j++) {
        const double utility = u[j];
        for (h = 0; h < hidden; h++)
            gradient[j * hidden + h] = mf_along(slope[h] * utility, w[j * hidden + h]);
    }
    for (h = members * hidden; h < b; h++)
        gradient[h] = 0.0;
    for (h = 0; h < hidden; h++) {
        gradient[b + h] = slope[h];
        gradient[b + hidden + h] = mf_along(out[h], w[b + hidden + h]);
    }
    gradient[b + 2 * hidden] = 1.0;
}

/* A sum of products, eight at a time: those of every eighth are added up in order, and then these sums, pair by pair. */
MF_INLINE double mf_dot(const double *MF_APART a, const double *MF_APART b, int64_t n) {
    double part[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    int64_t k, lane;
    for (k = 0; k + 8 <= n; k += 8)
        for (lane = 0; lane < 8; lane++)
            part[lane] += a[k + lane] * b[k + lane];
    for (lane = 0; k < n; k++, lane++)
        part[lane] += a[k] * b[k];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

/* How far a step along ``a`` moves a value whose derivatives are ``b``, to first order. Weights move by ``by`` times
 * their derivative; biases, which have the unit of values, by all of it. */
MF_INLINE double mf_along_network_body(int64_t room, int64_t hidden, double by, const double *a, const double *b) {
    const int64_t first = room * hidden, second = first + hidden, last = second + hidden;
    return (mf_dot(a + first, b + first, hidden) + a[last] * b[last]) +
           by * (mf_dot(a, b, first) + mf_dot(a + second, b + second, hidden));
}

MF_INLINE int mf_scale_weights_body(int64_t room, int64_t hidden, double by, double *gradient) {
    const int64_t second = (room + 1) * hidden;
    int64_t p;
    for (p = 0; p < room * hidden; p++)
        gradient[p] = gradient[p] * by;
    for (p = second; p < second + hidden; p++)
        gradient[p] = gradient[p] * by;
    return 0;
}

/* What a number moves by for a rate of 1; ``square`` becomes the new mean of squares. */
MF_INLINE double mf_rmsprop(double gradient, double *square) {
    *square = 0.99 * *square + 0.01 * (gradient * gradient);
    return gradient / (MF_SQRT(*square) + 1e-5);
}

/* Likewise; ``first`` and ``second`` are what the means are divided by, as they began at 0. */
MF_INLINE double mf_adam(double gradient, double first, double second, double *mean, double *square) {
    *mean = 0.9 * *mean + 0.1 * gradient;
    *square = 0.999 * *square + 0.001 * (gradient * gradient);
    return *mean / first / (MF_SQRT(*square / second) + 1e-8);
}

/* Move a network by rate times error times gradient; 0, and nothing moves, where a number stops being finite.
 * ``room`` [3, size]. */
MF_INLINE int mf_move_body(int64_t optimizer, int64_t size, double rate, double error, const double *MF_APART gradient,
                           double *MF_APART cells, double *mean, double *square, double first, double second,
                           double *MF_APART room) {
    double *MF_APART fresh = room, *MF_APART means = room + size, *MF_APART squares = room + 2 * size;
    int64_t p, bad = 0;
    if (optimizer == MF_SGD) {
        rate = rate * error;
        for (p = 0; p < size; p++) {
            const double value = cells[p] + rate * gradient[p];
            fresh[p] = value;
            bad |= value - value != 0.0;
        }
    } else if (optimizer == MF_RMSPROP) {
        for (p = 0; p < size; p++) {
            double s = square[p];
            const double value = cells[p] + rate * mf_rmsprop(error * gradient[p], &s);
            fresh[p] = value;
            squares[p] = s;
            bad |= (value - value != 0.0) | (s - s != 0.0);
        }
    } else {
        for (p = 0; p < size; p++) {
            double m = mean[p], s = square[p];
            const double value = cells[p] + rate * mf_adam(error * gradient[p], first, second, &m, &s);
            fresh[p] = value;
            means[p] = m;
            squares[p] = s;
            bad |= (value - value != 0.0) | (s - s != 0.0);
        }
    }
    if (bad)
        return 0;
    memcpy(cells, fresh, (size_t)size * sizeof(double));
    if (optimizer != MF_SGD)
        memcpy(square, squares, (size_t)size * sizeof(double));
    if (optimizer == MF_ADAM)
        memcpy(mean, means, (size_t)size * sizeof(double));
    return 1;
}

/* Each of the above for any processor, and for those with AVX2 registers; ``wide`` says which. */
#if MF_HAVE_AVX2_VARIANT
#define MF_BOTH(type, name, parameters, arguments)                                                          \
    MF_FUNCTION type name##_plain parameters { return name##_body arguments; }                                     \
    __attribute__((target("avx2"), unused)) static type name##_avx2 parameters { return name##_body arguments; }
#define MF_EITHER(wide, name, arguments) ((wide) ? name##_avx2 arguments : name##_plain arguments)
MF_FUNCTION int mf_mixes_wide(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
#define MF_BOTH(type, name, parameters, arguments)                                                          \
    MF_FUNCTION type name##_plain parameters { return name##_body arguments; }
#define MF_EITHER(wide, name, arguments) ((void)(wide), name##_plain arguments)
MF_FUNCTION int mf_mixes_wide(void) { return 0; }
#endif

MF_BOTH(double, mf_mix,
        (const double *w, int64_t room, int64_t hidden, const double *u, int64_t members, double *out, double *slope,
         double *products),
        (w, room, hidden, u, members, out, slope, products))
MF_BOTH(int, mf_move,
        (int64_t optimizer, int64_t size, double rate, double error, const double *gradient, double *cells,
         double *mean, double *square, double first, double second, double *room),
        (optimizer, size, rate, error, gradient, cells, mean, square, first, second, room))

MF_BOTH(double, mf_along_network, (int64_t room, int64_t hidden, double by, const double *a, const double *b),
        (room, hidden, by, a, b))
MF_BOTH(int, mf_scale_weights, (int64_t room, int64_t hidden, double by, double *gradient), (room, hidden, by, gradient))

MF_INLINE double mf_along_network(int wide, int64_t room, int64_t hidden, double by, const double *a, const double *b) {
    return MF_EITHER(wide, mf_along_network, (room, hidden, by, a, b));
}

/* Derivatives by weights, times ``by``. */
MF_INLINE void mf_scale_weights(int wide, int64_t room, int64_t hidden, double by, double *gradient) {
    (void)MF_EITHER(wide, mf_scale_weights, (room, hidden, by, gradient));
}

/* The value of a team, by its members' utilities; ``out`` [hidden]: of the units, ``slope`` [hidden]: its derivative by
 * their sums. ``products`` [hidden]: room. */
MF_INLINE double mf_mix(int wide, const double *w, int64_t room, int64_t hidden, const double *u, int64_t members,
                        double *out, double *slope, double *products) {
    return MF_EITHER(wide, mf_mix, (w, room, hidden, u, members, out, slope, products));
}

MF_INLINE int mf_derive_body(const double *w, int64_t room, int64_t hidden, double *u, int64_t members,
                             const double *out, const double *slope, double *gradient, double *products) {
    mf_by_weights_body(w, room, hidden, u, members, out, slope, gradient);
    mf_by_utilities_body(w, hidden, members, slope, u, products);
    return 0;
}

MF_BOTH(int, mf_derive,
        (const double *w, int64_t room, int64_t hidden, double *u, int64_t members, const double *out,
         const double *slope, double *gradient, double *products),
        (w, room, hidden, u, members, out, slope, gradient, products))

/* The derivatives of the value by every number of the network, into ``gradient`` (0 for members that the team does not
 * have), and by every utility, in its place. ``products`` [members, hidden]: room. */
MF_INLINE void mf_derive(int wide, const double *w, int64_t room, int64_t hidden, double *u, int64_t members,
                         const double *out, const double *slope, double *gradient, double *products) {
    (void)MF_EITHER(wide, mf_derive, (w, room, hidden, u, members, out, slope, gradient, products));
}

MF_INLINE int mf_move(int wide, int64_t optimizer, int64_t size, double rate, double error, const double *gradient,
                      double *cells, double *mean, double *square, double first, double second, double *room) {
    return MF_EITHER(wide, mf_move, (optimizer, size, rate, error, gradient, cells, mean, square, first, second, room));
}

#endif
