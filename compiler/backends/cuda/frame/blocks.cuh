// What the host says of a frame, and where it finds the outcome: runtime/executors/frame_block.py in C.
#pragma once

struct Parameters {
    const unsigned char *plane[3];
    int pitch[3];  // bytes from row to row of each plane
    int format;
    float conf, iou;
    // The same for all frames of a size.
    double scale_down, scale_across;  // source pixels per input pixel
    int rows, cols;
    float gain_down, gain_across;  // input pixels per frame pixel
    int top, left, height, width;  // of the picture in the input
};

struct ResultHeader {
    int count;
    float edges;
    unsigned long long unused;
};

static_assert(sizeof(Parameters) == 96 && sizeof(ResultHeader) == 16, "the host packs them so");

// TIR's min and max: where one is not a number, the second is taken.
template <class T> __device__ __forceinline__ T least(T a, T b) { return a < b ? a : b; }
template <class T> __device__ __forceinline__ T most(T a, T b) { return a > b ? a : b; }
