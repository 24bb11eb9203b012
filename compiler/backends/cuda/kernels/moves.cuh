// Pixels and channels in other places, and means over all pixels; four channels a thread.
template <class S>
__device__ __forceinline__ void depth_to_space(const typename S::T* x, typename S::T* y) {
  constexpr int QUADS = S::N / 4;
  const int item = blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= S::HO * S::WO * QUADS) return;
  const int n = item % QUADS * 4, m = item / QUADS, oy = m / S::WO, ox = m % S::WO;
  const int group = oy % S::FY * S::FX + ox % S::FX;
  float v[4];
  load4(x + (oy / S::FY * S::W + ox / S::FX) * S::LDX + group * S::N + n, v);
  store4(y + m * S::LDY + n, v);
}

__device__ __forceinline__ float load1(const float* p) { return *p; }
__device__ __forceinline__ float load1(const f16* p) { return from_f16(p->bits); }
__device__ __forceinline__ float load1(const bf16* p) { return from_bf16(p->bits); }
__device__ __forceinline__ float load1(const u8* p) { return *p; }

template <class S>
__device__ __forceinline__ void shuffle(const typename S::T* x, const int* sources, typename S::T* y) {
  constexpr int QUADS = S::N / 4;
  const int item = blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= S::HO * S::WO * QUADS) return;
  const int n = item % QUADS * 4, m = item / QUADS;
  float v[4];
#pragma unroll
  for (int e = 0; e < 4; e++) {
    const int source = __ldg(sources + n + e);
    v[e] = source < 0 ? 0.f : load1(x + m * S::LDX + source);
  }
  store4(y + m * S::LDY + n, v);
}

template <class S>                            // a block for four channels
__device__ __forceinline__ void global_mean(const typename S::T* x, typename S::T* y) {
  __shared__ float sums[4][32];
  const int n = blockIdx.x * 4, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  float total[4] = {0.f, 0.f, 0.f, 0.f};
  for (int m = threadIdx.x; m < S::H * S::W; m += blockDim.x) {
    float v[4];
    load4(x + m * S::LDX + n, v);
#pragma unroll
    for (int e = 0; e < 4; e++) total[e] += v[e];
  }
#pragma unroll
  for (int e = 0; e < 4; e++) {
    for (int d = 16; d > 0; d /= 2) total[e] += __shfl_xor_sync(~0u, total[e], d);
    if (lane == 0) sums[e][warp] = total[e];
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
#pragma unroll
  for (int e = 0; e < 4; e++) {
    total[e] = 0.f;
    for (int w = 0; w < (int)blockDim.x / 32; w++) total[e] += sums[e][w];
    total[e] *= 1.f / (S::H * S::W);
  }
  store4(y + n, total);
}
