// When one box suppresses another: torchvision's overlap, float32, areas from corners, no pixel added.
#pragma once
#include "blocks.cuh"

struct __align__(16) Box { float x1, y1, x2, y2; };

__device__ __forceinline__ float area(const Box &box) { return (box.x2 - box.x1) * (box.y2 - box.y1); }

// Whether a box of the same class, kept before, overlaps one by more than `iou`. What shares nothing never does, nor does
// what has a coordinate that is no number: then `whole` is none, either. Where a product tells on which side of the
// threshold the quotient falls, nothing is divided; it would fall there, too.
__device__ __forceinline__ bool suppresses(const Box &kept, float kept_area, const Box &box, float box_area, float iou) {
    float across = fmaxf(fminf(box.x2, kept.x2) - fmaxf(box.x1, kept.x1), 0.0f);
    float down = fmaxf(fminf(box.y2, kept.y2) - fmaxf(box.y1, kept.y1), 0.0f);
    float shared = across * down, whole = (box_area + kept_area) - shared, bound = iou * whole;
    if (!(shared > 1e-20f)) return shared > 0.0f && shared / whole > iou;
    if (shared < bound * 0.99999f) return false;
    if (bound > 1e-20f && shared > bound * 1.00001f) return true;
    return shared / whole > iou;
}
