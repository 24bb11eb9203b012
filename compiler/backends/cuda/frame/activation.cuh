// exp and sigmoid as compiler/backends/cpu/kernels/activation.py writes them, with the fused products that LLVM makes of them.
#pragma once
#include "blocks.cuh"

__device__ __forceinline__ float cpu_exp(float x) {
    float c = most(least(x, 88.3f), -87.3f);
    float n = floorf(fmaf(c, 1.44269504088896341f, 0.5f));
    float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, c));
    float total = 1.9875691500e-4f;
    total = fmaf(total, r, 1.3981999507e-3f);
    total = fmaf(total, r, 8.3334519073e-3f);
    total = fmaf(total, r, 4.1665795894e-2f);
    total = fmaf(total, r, 1.6666665459e-1f);
    total = fmaf(total, r, 5.0000001201e-1f);
    return (fmaf(total * r, r, r) + 1.0f) * __int_as_float(((int)n + 127) << 23);
}

__device__ __forceinline__ float cpu_sigmoid(float x) {
    float t = most(least(x * -1.44269504088896341f, 126.0f), -126.0f);
    float n = floorf(t + 0.5f), f = t - n;
    float total = 1.3267266838e-03f;
    total = fmaf(total, f, 9.6754623104e-03f);
    total = fmaf(total, f, 5.5507416995e-02f);
    total = fmaf(total, f, 2.4022121690e-01f);
    total = fmaf(total, f, 6.9314694972e-01f);
    total = fmaf(total, f, 1.0000000710e00f);
    return 1.0f / (1.0f + __int_as_float(__float_as_int(total) + ((int)n << 23)));
}
