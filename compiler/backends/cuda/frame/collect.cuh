// Candidates above the threshold. A candidate's score is that of its best class, the first of equals; a class that is
// not a number never is. An objectness multiplies the score, and must itself pass the threshold.
#pragma once
#include "found.cuh"

#define LOWEST __int_as_float((int)0xff800000)

struct Best {
    float score = LOWEST;
    int label = 0;

    __device__ __forceinline__ void meet(float other, int its_label) {
        if (other > score) score = other, label = its_label;
    }
    // Of another part of the classes.
    __device__ __forceinline__ void join(float other, int its_label) {
        if (other > score || (other == score && its_label < label)) score = other, label = its_label;
    }
};

// Eight neighbouring lanes share a candidate whose classes lie side by side.
constexpr int PARTS = 8;

template <class Source>
__device__ __forceinline__ void collect_rows(const Source &source, float conf, const Found &found) {
    int thread = blockIdx.x * blockDim.x + threadIdx.x, candidate = thread / PARTS, part = thread % PARTS;
    bool passes = candidate < CANDIDATES;
    float certainty = passes ? source.certainty(candidate) : 0.0f;
    if (Source::OBJECTNESS) passes = passes && certainty > conf;
    if (!__any_sync(ALL, passes)) return;
    auto classes = source.classes(passes ? candidate : 0);
    if (Source::RAW && !Source::OBJECTNESS) {  // a sigmoid of the highest level tells most that do not pass
        float peak = LOWEST;
#pragma unroll 16
        for (int c = part; c < CLASSES; c += PARTS) peak = fmaxf(peak, source.level(classes, c));
        for (int step = PARTS / 2; step; step /= 2) peak = fmaxf(peak, __shfl_xor_sync(ALL, peak, step));
        passes = passes && source.score(peak) > conf - 1e-5f;
        if (!__any_sync(ALL, passes)) return;
    }
    Best best;
#pragma unroll 16
    for (int c = part; c < CLASSES; c += PARTS) best.meet(source.score(source.level(classes, c)), c);
    for (int step = PARTS / 2; step; step /= 2) {
        float score = __shfl_xor_sync(ALL, best.score, step);
        int label = __shfl_xor_sync(ALL, best.label, step);
        best.join(score, label);
    }
    float score = best.score * certainty;
    add(found, passes && part == 0 && score > conf, candidate, score, best.label);
}

// A warp has 32 neighbouring candidates, and the warps of a block share their classes.
constexpr int SLICES = 8;

template <class Source>
__device__ __forceinline__ void collect_columns(const Source &source, float conf, const Found &found) {
    __shared__ float scores[SLICES][32];
    __shared__ int labels[SLICES][32];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, candidate = blockIdx.x * 32 + lane;
    bool present = candidate < CANDIDATES;
    auto classes = source.classes(present ? candidate : 0);
    Best best;
#pragma unroll 16
    for (int c = slice; c < CLASSES; c += SLICES) best.meet(source.level(classes, c), c);
    scores[slice][lane] = best.score;
    labels[slice][lane] = best.label;
    __syncthreads();
    if (slice > 0) return;
    for (int k = 1; k < SLICES; k++) best.join(scores[k][lane], labels[k][lane]);
    float certainty = source.certainty(present ? candidate : 0), score = best.score * certainty;
    bool passes = present && (!Source::OBJECTNESS || certainty > conf) && score > conf;
    add(found, passes, candidate, score, best.label);
}

// Each pair of a class and a box counts by itself.
template <class Source>
__device__ __forceinline__ void collect_pairs(const Source &source, float conf, const Found &found) {
    int pair = blockIdx.x * blockDim.x + threadIdx.x, label = pair / Source::COUNT, candidate = pair - label * Source::COUNT;
    bool passes = pair < CANDIDATES;
    if (!passes) label = candidate = 0;
    float certainty = source.certainty(candidate), score = source.level(source.classes(candidate), label) * certainty;
    passes = passes && (!Source::OBJECTNESS || certainty > conf) && score > conf;
    add(found, passes, pair, score, label);
}

// Candidates that are detections already: x1, y1, x2, y2, score, class.
template <class Source>
__device__ __forceinline__ void collect_final(const Source &source, float conf, const Found &found) {
    int candidate = blockIdx.x * blockDim.x + threadIdx.x;
    bool passes = candidate < CANDIDATES;
    float score = passes ? source.value(candidate, 4) : 0.0f;
    float label = passes ? source.value(candidate, 5) : 0.0f;
    int number = (int)most(least(label, (float)(CLASSES - 1)), 0.0f);
    add(found, passes && score > conf, candidate, score, number);
}
