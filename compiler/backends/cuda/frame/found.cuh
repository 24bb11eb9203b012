// What the kernels of the postprocess hand on: candidates as they are found, then in order.
#pragma once
#include "config.cuh"

typedef unsigned long long u64;
constexpr unsigned ALL = 0xffffffffu;

struct Found {
    int *count;
    u64 *keys;    // by place of finding: the score, best first, and below it the candidate's number
    int *labels;  // likewise
};

// Bits that ascend while the score descends; a listed score is positive.
__device__ __forceinline__ u64 key_of(float score, unsigned candidate) {
    return (u64)(__float_as_uint(score) ^ 0x7fffffffu) << 32 | candidate;
}
__device__ __forceinline__ float score_of(u64 key) { return __uint_as_float((unsigned)(key >> 32) ^ 0x7fffffffu); }

// Lists the candidates of those lanes of a whole warp that have one.
__device__ __forceinline__ void add(const Found &found, bool passes, unsigned candidate, float score, int label) {
    unsigned passing = __ballot_sync(ALL, passes);
    if (passing == 0) return;
    int lane = threadIdx.x & 31, first = __ffs(passing) - 1, place = 0;
    if (lane == first) place = atomicAdd(found.count, __popc(passing));
    place = __shfl_sync(ALL, place, first) + __popc(passing & ((1u << lane) - 1u));
    if (passes) {
        found.keys[place] = key_of(score, candidate);
        found.labels[place] = label;
    }
}
