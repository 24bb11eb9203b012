// Candidates in the raw maps of v3 and v5: for each anchor, logits of box, objectness and classes.
#pragma once
#include "activation.cuh"
#include "maps.cuh"

struct Source {
    static constexpr bool RAW = true, OBJECTNESS = true;
    Maps maps;

    // A candidate's first number; candidates are ordered by scale, anchor, row and column.
    __device__ __forceinline__ const Element *numbers(int candidate) const {
        Cell cell(candidate);
        int plane = of_scale(MAP_CELLS, cell.scale), anchor = cell.number / plane, pixel = cell.number - anchor * plane;
        return of_scale(maps.boxes, cell.scale) + (long long)pixel * of_scale(BOXES_PITCH, cell.scale) +
               anchor * (5 + CLASSES);
    }
    __device__ __forceinline__ float certainty(int candidate) const {
        return cpu_sigmoid(to_float(numbers(candidate)[4]));
    }
    __device__ __forceinline__ const Element *classes(int candidate) const { return numbers(candidate) + 5; }
    __device__ __forceinline__ float level(const Element *first, int label) const { return to_float(first[label]); }
    __device__ __forceinline__ float score(float level) const { return cpu_sigmoid(level); }

    __device__ float corner(unsigned candidate, int side) const {
        Cell cell((int)candidate);
        const Element *box = numbers((int)candidate);
        int axis = side % 2, plane = of_scale(MAP_CELLS, cell.scale), width = of_scale(MAP_WIDTH, cell.scale);
        int anchor = cell.number / plane, pixel = cell.number - anchor * plane;
        int y = pixel / width, x = pixel - y * width;
        float place = 2.0f * cpu_sigmoid(to_float(box[axis])), length = 2.0f * cpu_sigmoid(to_float(box[2 + axis]));
        float origin = (float)(axis ? y : x) - 0.5f;
        float centre = (place + origin) * (float)of_scale(STRIDE, cell.scale);
        float extent = ANCHORS[0][axis];
#pragma unroll
        for (int k = 1; k < SCALES * MOST_ANCHORS; k++)
            extent = cell.scale * MOST_ANCHORS + anchor == k ? ANCHORS[k][axis] : extent;
        float reach = length * length * extent * 0.5f;
        return side < 2 ? centre - reach : centre + reach;
    }
};
