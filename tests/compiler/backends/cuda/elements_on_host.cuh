// elements.cuh with the host's own halves.
#pragma once

struct f16 { _Float16 value; };
struct bf16 { unsigned short bits; };
typedef unsigned char u8;

inline float to_float(float value) { return value; }
inline float to_float(f16 value) { return (float)value.value; }
inline float to_float(bf16 value) { return __uint_as_float((unsigned)value.bits << 16); }
inline void from_float(float value, float &result) { result = value; }
inline void from_float(float value, f16 &result) { result.value = (_Float16)value; }
inline void from_float(float value, bf16 &result) {
    unsigned bits = __float_as_uint(value);
    result.bits = (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
inline void from_float(float value, u8 &result) { result = (u8)__float2int_rn(value); }
template <class T> struct alignas(4 * sizeof(T)) Four { T value[4]; };
