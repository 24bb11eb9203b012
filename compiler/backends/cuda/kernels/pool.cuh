// Max pooling, four channels a thread. Beyond the edge there is nothing; zeros of a border, where there is one, count.
#define LEAST __int_as_float(0xff800000)

template <class S>
__device__ __forceinline__ void max_pool(const typename S::T* x, typename S::T* y) {
  constexpr int QUADS = S::C / 4;
  const int item = blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= S::HO * S::WO * QUADS) return;
  const int c = item % QUADS * 4, m = item / QUADS, oy = m / S::WO, ox = m % S::WO;
  float best[4] = {LEAST, LEAST, LEAST, LEAST};
  for (int ky = 0; ky < S::KH; ky++)
    for (int kx = 0; kx < S::KW; kx++) {
      const int iy = oy * S::SY - S::PT + ky, ix = ox * S::SX - S::PL + kx;     // counted within the border
      if (iy < 0 || iy >= S::H + S::TOP + S::BOTTOM || ix < 0 || ix >= S::W + S::LEFT + S::RIGHT) continue;
      float v[4] = {S::ZERO, S::ZERO, S::ZERO, S::ZERO};
      if ((u32)(iy - S::TOP) < (u32)S::H && (u32)(ix - S::LEFT) < (u32)S::W) load4(x + ((iy - S::TOP) * S::W + ix - S::LEFT) * S::LDX + c, v);
#pragma unroll
      for (int e = 0; e < 4; e++) best[e] = fmaxf(best[e], v[e]);
    }
  store4(y + m * S::LDY + c, best);
}

// The same window of stride 1 several times, one behind the other: a block keeps some channels of all pixels at hand.
template <class S, int ROUNDS>
__device__ __forceinline__ void pool_chain(const typename S::T* x, typename S::T* const (&to)[ROUNDS], const int (&pitch)[ROUNDS]) {
  constexpr int R = S::K / 2, PIXELS = S::H * S::W, QUADS = S::QUADS, CELLS = PIXELS * QUADS;
  extern __shared__ __align__(16) unsigned char memory[];
  float4* values = (float4*)memory;
  float4* rows = values + CELLS;
  const int first = blockIdx.x * QUADS * 4;
  if constexpr (S::EARLY) wait_for_earlier();
  for (int i = threadIdx.x; i < CELLS; i += blockDim.x) {
    float v[4] = {LEAST, LEAST, LEAST, LEAST};
    if (first + i % QUADS * 4 < S::C) load4(x + i / QUADS * S::LDX + first + i % QUADS * 4, v);
    values[i] = make_float4(v[0], v[1], v[2], v[3]);
  }
  __syncthreads();
#pragma unroll
  for (int round = 0; round < ROUNDS; round++) {
    if (S::EARLY && round == ROUNDS - 1) let_later_start();
    for (int i = threadIdx.x; i < CELLS; i += blockDim.x) {
      const int column = i / QUADS % S::W;
      float4 best = values[i];
#pragma unroll
      for (int d = -R; d <= R; d++)
        if (d != 0 && (u32)(column + d) < (u32)S::W) {
          const float4 v = values[i + d * QUADS];
          best = make_float4(fmaxf(best.x, v.x), fmaxf(best.y, v.y), fmaxf(best.z, v.z), fmaxf(best.w, v.w));
        }
      rows[i] = best;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < CELLS; i += blockDim.x) {
      const int row = i / QUADS / S::W;
      float4 best = rows[i];
#pragma unroll
      for (int d = -R; d <= R; d++)
        if (d != 0 && (u32)(row + d) < (u32)S::H) {
          const float4 v = rows[i + d * S::W * QUADS];
          best = make_float4(fmaxf(best.x, v.x), fmaxf(best.y, v.y), fmaxf(best.z, v.z), fmaxf(best.w, v.w));
        }
      values[i] = best;
      const float v[4] = {best.x, best.y, best.z, best.w};
      if (first + i % QUADS * 4 < S::C) store4(to[round] + i / QUADS * pitch[round] + first + i % QUADS * 4, v);
    }
    __syncthreads();
  }
}
