// Candidates in the raw maps of v8 and 11: class logits and, for each side of the box, a distribution over 16 bins.
#pragma once
#include "activation.cuh"
#include "maps.cuh"

template <int half> __device__ __forceinline__ void fold(float (&values)[16]) {
#pragma unroll
    for (int k = 0; k < half; k++) values[k] += values[k + half];
}

struct Source {
    static constexpr bool RAW = true, OBJECTNESS = false;
    Maps maps;

    __device__ __forceinline__ float certainty(int) const { return 1.0f; }
    __device__ __forceinline__ const Element *classes(int candidate) const {
        Cell cell(candidate);
        return of_scale(maps.scores, cell.scale) + (long long)cell.number * of_scale(SCORES_PITCH, cell.scale);
    }
    __device__ __forceinline__ float level(const Element *first, int label) const { return to_float(first[label]); }
    __device__ __forceinline__ float score(float level) const { return cpu_sigmoid(level); }

    // Left, top, right or bottom of a box, in input pixels: the mean of its distribution is its distance.
    __device__ float corner(unsigned candidate, int side) const {
        Cell cell((int)candidate);
        const Element *bins = of_scale(maps.boxes, cell.scale) +
                              (long long)cell.number * of_scale(BOXES_PITCH, cell.scale) + side * 16;
        float shares[16], moments[16], top;
#pragma unroll
        for (int k = 0; k < 16; k++) shares[k] = to_float(bins[k]);
        top = shares[0];
#pragma unroll
        for (int k = 1; k < 16; k++) top = fmaxf(top, shares[k]);
#pragma unroll
        for (int k = 0; k < 16; k++) {
            shares[k] = cpu_exp(shares[k] - top);
            moments[k] = shares[k] * (float)k;
        }
        fold<8>(shares), fold<4>(shares), fold<2>(shares);
        fold<8>(moments), fold<4>(moments), fold<2>(moments);
        float distance = (moments[0] + moments[1]) / (shares[0] + shares[1]);
        int width = of_scale(MAP_WIDTH, cell.scale), y = cell.number / width, x = cell.number - y * width;
        float centre = (float)(side % 2 ? y : x) + 0.5f;
        return (float)of_scale(STRIDE, cell.scale) * (side < 2 ? centre - distance : centre + distance);
    }
};
