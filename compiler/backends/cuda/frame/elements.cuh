// Elements of tensors as floats, and floats as elements, without NVIDIA's headers.
#pragma once

struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };
typedef unsigned char u8;

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(f16 value) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
    return result;
}
__device__ __forceinline__ float to_float(bf16 value) { return __uint_as_float((unsigned)value.bits << 16); }

__device__ __forceinline__ void from_float(float value, float &result) { result = value; }
__device__ __forceinline__ void from_float(float value, f16 &result) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
}
__device__ __forceinline__ void from_float(float value, bf16 &result) {  // of numbers, to the nearest, ties to even
    unsigned bits = __float_as_uint(value);
    result.bits = (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
__device__ __forceinline__ void from_float(float value, u8 &result) { result = (u8)__float2int_rn(value); }

// Four elements that are stored at once.
template <class T> struct __align__(4 * sizeof(T)) Four { T value[4]; };
