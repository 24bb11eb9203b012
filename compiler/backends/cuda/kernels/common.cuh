// What every kernel of a network may use: number formats, four channels at a time, and elementwise functions.
// No header is included: a kernel is compiled by NVRTC alone.
typedef unsigned int u32;
typedef unsigned char u8;
struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };

#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ u32 pack_f16(float low, float high) {
  u32 r; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
__device__ __forceinline__ u32 pack_bf16(float low, float high) {
  u32 r; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
#else
__device__ __forceinline__ u32 pack_f16(float low, float high) {
  unsigned short l, h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(l) : "f"(low));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(high));
  return l | (u32)h << 16; }
#endif
__device__ __forceinline__ float from_f16(u32 bits) {
  float r; asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"((unsigned short)bits)); return r; }
__device__ __forceinline__ float from_bf16(u32 bits) { return __uint_as_float(bits << 16); }

// A number below 2^22 is rounded to the nearest whole one, ties to even, where this is added and taken off again, and what
// it is rounded to lies in the lowest bits in between. Rounding and conversions take eight times as long as a sum.
constexpr float WHOLE = 12582912.f;

// Four neighbouring channels, which lie on a multiple of their size.
__device__ __forceinline__ void load4(const float* p, float (&v)[4]) {
  float4 q = *(const float4*)p; v[0] = q.x; v[1] = q.y; v[2] = q.z; v[3] = q.w; }
__device__ __forceinline__ void load4(const f16* p, float (&v)[4]) {
  uint2 q = *(const uint2*)p;
  v[0] = from_f16(q.x); v[1] = from_f16(q.x >> 16); v[2] = from_f16(q.y); v[3] = from_f16(q.y >> 16); }
__device__ __forceinline__ void load4(const bf16* p, float (&v)[4]) {
  uint2 q = *(const uint2*)p;
  v[0] = from_bf16(q.x & 0xffff); v[1] = from_bf16(q.x >> 16); v[2] = from_bf16(q.y & 0xffff); v[3] = from_bf16(q.y >> 16); }
__device__ __forceinline__ void load4(const u8* p, float (&v)[4]) {
  u32 q = *(const u32*)p;
#pragma unroll
  for (int e = 0; e < 4; e++) v[e] = __uint_as_float(__byte_perm(q, 0x4B000000, 0x7650 | e)) - 8388608.f; }
__device__ __forceinline__ void store4(float* p, const float (&v)[4]) { *(float4*)p = make_float4(v[0], v[1], v[2], v[3]); }
__device__ __forceinline__ void store4(f16* p, const float (&v)[4]) {
  *(uint2*)p = make_uint2(pack_f16(v[0], v[1]), pack_f16(v[2], v[3])); }
#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void store4(bf16* p, const float (&v)[4]) {
  *(uint2*)p = make_uint2(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3])); }
#endif
__device__ __forceinline__ void store4(u8* p, const float (&v)[4]) {   // whole numbers of 0..255
  u32 b[4];
#pragma unroll
  for (int e = 0; e < 4; e++) b[e] = __float_as_uint(__fadd_rn(v[e], WHOLE));
  *(u32*)p = __byte_perm(__byte_perm(b[0], b[1], 0x40), __byte_perm(b[2], b[3], 0x40), 0x5410); }

// The byte nearest to a number of steps, ties to even before the zero point is added.
__device__ __forceinline__ float to_byte(float steps, float zero) {
  float limited = fmaxf(fminf(steps, 255.f - zero), 0.f - zero);
  return __fadd_rn(__fsub_rn(__fadd_rn(limited, WHOLE), WHOLE), zero); }

__device__ __forceinline__ float sigmoid(float x) { return __fdividef(1.f, 1.f + __expf(-x)); }
__device__ __forceinline__ float silu(float x) { return __fdividef(x, 1.f + __expf(-x)); }
__device__ __forceinline__ float relu(float x) { return fmaxf(x, 0.f); }
__device__ __forceinline__ float leaky_relu(float x, float slope) { return x > 0.f ? x : __fmul_rn(slope, x); }
__device__ __forceinline__ float clip(float x, float low, float high) { return fminf(fmaxf(x, low), high); }
__device__ __forceinline__ float at_least(float x, float low) { return fmaxf(x, low); }
__device__ __forceinline__ float at_most(float x, float high) { return fminf(x, high); }
__device__ __forceinline__ float scale(float x, float factor) { return __fmul_rn(x, factor); }
__device__ __forceinline__ float shift(float x, float distance) { return __fadd_rn(x, distance); }
__device__ __forceinline__ float hard_sigmoid(float x) { return fmaxf(fminf(__fadd_rn(__fmul_rn(x, 0x1.555556p-3f), 0.5f), 1.f), 0.f); }
__device__ __forceinline__ float hard_swish(float x) { return __fmul_rn(x, hard_sigmoid(x)); }

// A smooth function by table, a cubic a segment: the same bits as on every other processor (see common/curves.py).
// Segment after segment has its four coefficients in a row. What is stored meanwhile may lie anywhere, as far as the
// compiler knows, so the table is read as what never changes.
template <bool ODD, bool SLOPED> __device__ __forceinline__ float on_curve(float u, const float* table) {
  float distance = fminf(fabsf(u), 7.f), moved = __fadd_rn(distance, WHOLE);
  float4 power = __ldg((const float4*)table + (__float_as_int(moved) & 7));
  float part = __fadd_rn(power.z, __fmul_rn(distance, power.w));
  part = __fadd_rn(power.y, __fmul_rn(distance, part));
  part = __fadd_rn(power.x, __fmul_rn(distance, part));
  if (ODD) part = u < 0.f ? -part : part;
  if (SLOPED) part = __fadd_rn(part, __fmul_rn(fmaxf(u, 0.f), __ldg(table + 32)));
  return __fadd_rn(part, __ldg(table + 33)); }

__device__ __forceinline__ void wait_for_earlier() {      // only where the launch before may still run
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_later_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
