// Candidates in a decoded output: rows or columns of box, objectness and class scores.
#pragma once
#include "blocks.cuh"
#include "elements.cuh"
#include "config.cuh"

struct Source {
    static constexpr bool RAW = false, OBJECTNESS = HAS_OBJECTNESS;
    static constexpr int COUNT = BOXES;
    const float *output;

    // One number of one candidate, whichever way the output is laid out.
    __device__ __forceinline__ float value(long long candidate, int number) const {
        return CANDIDATES_LAST ? output[(long long)number * BOXES + candidate]
                               : output[candidate * ATTRIBUTES + number];
    }
    __device__ __forceinline__ float certainty(int candidate) const {
        return OBJECTNESS ? value(candidate, 4) : 1.0f;
    }
    __device__ __forceinline__ int classes(int candidate) const { return candidate; }
    __device__ __forceinline__ float level(int candidate, int label) const {
        return value(candidate, ATTRIBUTES - CLASSES + label);
    }
    __device__ __forceinline__ float score(float level) const { return level; }

    __device__ float corner(unsigned candidate, int side) const {
        if (EVERY_CLASS) candidate %= BOXES;
        if (CORNERS) return value(candidate, side);
        float centre = value(candidate, side % 2), reach = value(candidate, side % 2 + 2) * 0.5f;
        return side < 2 ? centre - reach : centre + reach;
    }
};
