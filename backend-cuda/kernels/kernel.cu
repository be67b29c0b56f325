// Kernel functions of pair statistics: the bits of core/src/kernel.rs and core/src/exp.rs.
#include "format.cuh"
#include "numbers.cuh"

// core's `Kernel`.
enum Function { LINEAR, STANDARDISED, TWO_PQ, GAUSSIAN, LAPLACIAN, IBS, POLY, GRM_SQUARED };

struct Map {
    int function, degree;
    double gamma, scale;
    // ‖x̂ − μ‖² by row and by column of the tile, for LINEAR and POLY.
    const double *row_norms, *col_norms;
    // Covariates by row and by column, for the distance kernels; none if `covariates` is 0.
    const double *row_values, *col_values;
    u64 covariates;
};

// e^x; see core/src/exp.rs for the method. Compiled without fused operations.
DEVICE double exponential(double x) {
    const double log2_e = 1.4426950408889634074, ln2_high = 6.931471803691238e-1,
                 ln2_low = 1.9082149292705877e-10, units = 6755399441055744.0;
    const double even[6] = {1.0 / 479001600.0, 1.0 / 3628800.0, 1.0 / 40320.0,
                            1.0 / 720.0,       1.0 / 24.0,      0.5};
    const double odd[6] = {1.0 / 6227020800.0, 1.0 / 39916800.0, 1.0 / 362880.0,
                           1.0 / 5040.0,       1.0 / 120.0,      1.0 / 6.0};
    double clamped = x < -708.0 ? -708.0 : (x > 709.0 ? 709.0 : x);
    double shifted = clamped * log2_e + units;
    double n = shifted - units;
    double r = (clamped - n * ln2_high) - n * ln2_low;
    double square = r * r, high = even[0], low = odd[0];
    for (int k = 1; k < 6; k++) {
        high = high * square + even[k];
        low = low * square + odd[k];
    }
    double tail = high + r * low;
    double power = of_bits((bits_of(shifted) + 1023) << 52);
    double value = (1.0 + (r + square * tail)) * power;
    if (x < -708.0) return 0.0;
    if (x > 709.0) return power_of_two(1024);
    return value;
}

DEVICE double covariate_distance(const Map &map, u64 r, u64 c) {
    double sum = 0.0;
    for (u64 k = 0; k < map.covariates; k++) {
        double d = map.row_values[r * map.covariates + k] - map.col_values[c * map.covariates + k];
        sum += map.function == LAPLACIAN ? (d < 0.0 ? -d : d) : d * d;
    }
    return sum;
}

DEVICE double kernel_value(const Map &map, double d, u64 r, u64 c) {
    switch (map.function) {
        case LINEAR:
            return (map.row_norms[r] + map.col_norms[c] - d) / (2.0 * map.scale);
        case POLY: {
            double x = 1.0 + (map.row_norms[r] + map.col_norms[c] - d) / (2.0 * map.scale);
            double product = x;
            for (int k = 1; k < map.degree; k++) product = product * x;
            return product;
        }
        case STANDARDISED:
        case TWO_PQ:
            return d / map.scale;
        case GRM_SQUARED:
            return (d / map.scale) * (d / map.scale);
        case IBS:
            return 1.0 - d / (2.0 * map.scale);
        default:
            return exponential(-map.gamma * ((d > 0.0 ? d : 0.0) + covariate_distance(map, r, c)));
    }
}

// out[c·m + r] = kernel value of individuals rows[r] and cols[c], whose number times `unit` is their
// statistic; in F64 or F32, rounded once.
KERNEL kernel_tile(Map map, const void *numbers, int whole, int order, u64 width, double unit,
                   const u32 *rows, u64 m, const u32 *cols, u64 n, void *out, int format) {
    u64 at = place();
    if (at >= m * n) return;
    u64 r = at % m, c = at / m, i = rows[r], j = cols[c];
    double d = (double)number(numbers, whole, number_at(order, width, r, c, i, j)) * unit;
    store(out, format, at, kernel_value(map, d, r, c));
}
