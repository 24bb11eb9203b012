// When one box suppresses another: torchvision's overlap, float32, areas from corners, no pixel added.
#pragma once
#include "blocks.cuh"

struct __align__(16) Box { float x1, y1, x2, y2; };

__device__ __forceinline__ float area(const Box &box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

// Whether a box of the same class, kept before, overlaps one by more than `iou`. What shares nothing never does.
__device__ __forceinline__ bool suppresses(const Box &kept, const Box &box, float iou) {
    float across = most(least(box.x2, kept.x2) - most(box.x1, kept.x1), 0.0f);
    float down = most(least(box.y2, kept.y2) - most(box.y1, kept.y1), 0.0f);
    float shared = across * down;
    return shared > 0.0f && shared / ((area(box) + area(kept)) - shared) > iou;
}
