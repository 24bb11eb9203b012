// Attention over the pixels of an area, a warp for each query of each head: scores, their softmax, the mean of the values.
template <class S>
__device__ __forceinline__ void attention(const typename S::T* query, const typename S::T* key, const typename S::T* value, typename S::T* y) {
  constexpr int KEYS = S::D / 4, VALUES = S::DV / 4, WARPS = S::WARPS;
  __shared__ __align__(16) float queries[WARPS][S::D], shares[WARPS][S::AREA];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, m = blockIdx.x * WARPS + warp, head = blockIdx.y;
  if (m >= S::PIXELS) return;                 // whole warps leave; the others wait for nobody
  const int begin = m / S::AREA * S::AREA;
  key += begin * S::LDK;
  value += begin * S::LDV;
  float* q = queries[warp];
  float* share = shares[warp];
  for (int i = lane; i < KEYS; i += 32) {
    float v[4];
    load4(query + m * S::LDQ + head * S::D + i * 4, v);
#pragma unroll
    for (int e = 0; e < 4; e++) q[i * 4 + e] = v[e] * S::scale();
  }
  __syncwarp();
  float top = __int_as_float(0xff800000);
  for (int p = lane; p < S::AREA; p += 32) {
    float sum = 0.f;
#pragma unroll 4
    for (int i = 0; i < KEYS; i++) {
      float v[4];
      load4(key + p * S::LDK + head * S::D + i * 4, v);
#pragma unroll
      for (int e = 0; e < 4; e++) sum = __fmaf_rn(v[e], q[i * 4 + e], sum);
    }
    share[p] = sum;
    top = fmaxf(top, sum);
  }
  for (int d = 16; d > 0; d /= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, d));
  float total = 0.f;
  for (int p = lane; p < S::AREA; p += 32) total += share[p] = __expf(share[p] - top);
  for (int d = 16; d > 0; d /= 2) total += __shfl_xor_sync(~0u, total, d);
  __syncwarp();
  for (int i = lane; i < VALUES; i += 32) {
    float sums[4] = {0.f, 0.f, 0.f, 0.f};
#pragma unroll 4
    for (int p = 0; p < S::AREA; p++) {
      float v[4];
      load4(value + p * S::LDV + head * S::DV + i * 4, v);
#pragma unroll
      for (int e = 0; e < 4; e++) sums[e] = __fmaf_rn(share[p], v[e], sums[e]);
    }
#pragma unroll
    for (int e = 0; e < 4; e++) sums[e] = __fdividef(sums[e], total);
    store4(y + m * S::LDY + head * S::DV + i * 4, sums);
  }
}
