// When one box suppresses another: torchvision's overlap, float32, areas from corners, no pixel added.
#pragma once
#include "blocks.cuh"

struct __align__(16) Box { float x1, y1, x2, y2; };

__device__ __forceinline__ float area(const Box &box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

// Whether a box of the same class, kept before, overlaps one by more than `iou`. What shares nothing never does. Where
// a product tells on which side of the threshold the quotient falls, nothing is divided; it would fall there, too.
__device__ __forceinline__ bool suppresses(const Box &kept, const Box &box, float iou) {
    float across = most(least(box.x2, kept.x2) - most(box.x1, kept.x1), 0.0f);
    float down = most(least(box.y2, kept.y2) - most(box.y1, kept.y1), 0.0f);
    float shared = across * down, whole = (area(box) + area(kept)) - shared, bound = iou * whole;
    if (!(shared > 0.0f)) return false;
    if (whole > 1e-20f && bound > 1e-20f && bound < 1e30f) {
        if (shared > bound * 1.00001f) return true;
        if (shared < bound * 0.99999f) return false;
    }
    return shared / whole > iou;
}
