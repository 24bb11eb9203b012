// Raw maps of several strides: where the candidates of each lie.
#pragma once
#include "blocks.cuh"
#include "elements.cuh"
#include "config.cuh"

constexpr int MOST_SCALES = 4;

struct Maps {
    const Element *boxes[MOST_SCALES], *scores[MOST_SCALES];
};

// Of a table, the row of a scale, without an array in local memory.
template <class T> __device__ __forceinline__ T of_scale(const T (&table)[SCALES], int scale) {
    T found = table[0];
#pragma unroll
    for (int k = 1; k < SCALES; k++) found = scale == k ? table[k] : found;
    return found;
}
__device__ __forceinline__ const Element *of_scale(const Element *const (&table)[MOST_SCALES], int scale) {
    const Element *found = table[0];
#pragma unroll
    for (int k = 1; k < SCALES; k++) found = scale == k ? table[k] : found;
    return found;
}

// The scale of a candidate, and its number within it.
struct Cell {
    int scale, number;

    __device__ explicit Cell(int candidate) : scale(0), number(candidate) {
#pragma unroll
        for (int k = 0; k + 1 < SCALES; k++)
            if (candidate >= CELL_ENDS[k]) scale = k + 1, number = candidate - CELL_ENDS[k];
    }
};
