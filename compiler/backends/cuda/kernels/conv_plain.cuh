// A convolution on the plain cores: the same matrix product as conv_mma.cuh, for formats and cards without matrices.
// Numbers are multiplied one by one, bytes by fours.
struct OneFloat { typedef float Word; enum { SIZE = 1 }; };
struct FourBytes { typedef u32 Word; enum { SIZE = 4 }; };
template <class T> struct WordOf { typedef OneFloat Kind; };
template <> struct WordOf<u8> { typedef FourBytes Kind; };

__device__ __forceinline__ void multiply_add(float& sum, float a, float b) { sum = __fmaf_rn(a, b, sum); }
__device__ __forceinline__ void multiply_add(int& sum, u32 a, u32 b) {   // unsigned bytes by signed ones
  asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b)); }
template <class T> __device__ __forceinline__ void words4(const T* p, float (&v)[4]) { load4(p, v); }
__device__ __forceinline__ void words4(const u8* p, u32 (&v)[4]) {
  uint4 q = *(const uint4*)p; v[0] = q.x; v[1] = q.y; v[2] = q.z; v[3] = q.w; }

template <class S, class Out>
__device__ __forceinline__ void conv_plain(const typename S::T* x, const typename S::T* w, const typename S::Sum* bias, const Out& out) {
  typedef typename WordOf<typename S::T>::Kind Kind;
  typedef typename Kind::Word Word;
  typedef typename S::Sum Sum;
  constexpr int BM = S::BM, BN = S::BN, BK = 16, QUADS = BK / 4, ROWS = BM / 4, COLUMNS = BN / 4, THREADS = ROWS * COLUMNS;
  constexpr int M = S::HO * S::WO, K = S::KH * S::KW * S::C, SIZE = Kind::SIZE;        // a word is SIZE elements
  constexpr int AR = BM * QUADS / THREADS, BR = BN * QUADS / THREADS, STEPS = S::KP / SIZE / BK;
  static_assert(BM * QUADS % THREADS == 0 && BN * QUADS % THREADS == 0, "tile");
  __shared__ __align__(16) Word a[2][BK][BM + 4], b[2][BK][BN + 4];
  const int t = threadIdx.x, n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, tm = t % ROWS * 4, tn = t / ROWS * 4;
  Word next_a[AR][4], next_b[BR][4];
  auto fetch_word = [&](Word& v, int q, int e, int step) {
    const int k = (step * BK + q % QUADS * 4 + e) * SIZE, m = m0 + q / QUADS, oy = m / S::WO, ox = m % S::WO;
    const int tap = k / S::C, c = k % S::C, iy = oy * S::SY - S::PT + tap / S::KW * S::DY, ix = ox * S::SX - S::PL + tap % S::KW * S::DX;
    const bool inside = k < K && m < M && (u32)iy < (u32)S::H && (u32)ix < (u32)S::W;
    v = inside ? *(const Word*)(x + (iy * S::W + ix) * S::LDX + c) : (Word)S::FILL;
  };
  auto fetch = [&](int step) {                 // into registers, while the step before is computed
#pragma unroll
    for (int i = 0; i < AR; i++) {
      if constexpr (S::C % (4 * SIZE) != 0) {  // a picture's pixel is shorter than four words of bytes
#pragma unroll
        for (int e = 0; e < 4; e++) fetch_word(next_a[i][e], t + i * THREADS, e, step);
        continue;
      }
      const int q = t + i * THREADS, k = (step * BK + q % QUADS * 4) * SIZE, m = m0 + q / QUADS, oy = m / S::WO, ox = m % S::WO;
      const int tap = k / S::C, c = k % S::C, iy = oy * S::SY - S::PT + tap / S::KW * S::DY, ix = ox * S::SX - S::PL + tap % S::KW * S::DX;
#pragma unroll
      for (int e = 0; e < 4; e++) next_a[i][e] = (Word)S::FILL;
      if (k < K && m < M && (u32)iy < (u32)S::H && (u32)ix < (u32)S::W) words4(x + (iy * S::W + ix) * S::LDX + c, next_a[i]);
    }
#pragma unroll
    for (int i = 0; i < BR; i++) {
      const int q = t + i * THREADS;
      words4(w + (long long)(n0 + q / QUADS) * S::KP + (step * BK + q % QUADS * 4) * SIZE, next_b[i]);
    }
  };
  auto keep = [&](int slot) {
#pragma unroll
    for (int i = 0; i < AR; i++)
#pragma unroll
      for (int e = 0; e < 4; e++) a[slot][(t + i * THREADS) % QUADS * 4 + e][(t + i * THREADS) / QUADS] = next_a[i][e];
#pragma unroll
    for (int i = 0; i < BR; i++)
#pragma unroll
      for (int e = 0; e < 4; e++) b[slot][(t + i * THREADS) % QUADS * 4 + e][(t + i * THREADS) / QUADS] = next_b[i][e];
  };
  Sum sums[4][4];
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) sums[i][j] = __ldg(bias + n0 + tn + j);
  fetch(0);
  keep(0);
  for (int step = 0; step < STEPS; step++) {
    const int slot = step & 1;
    __syncthreads();                           // this slot is full, and all are done with the other
    if (step + 1 < STEPS) fetch(step + 1);
#pragma unroll
    for (int k = 0; k < BK; k++) {
      Word u[4], v[4];
#pragma unroll
      for (int e = 0; e < 4; e++) { u[e] = a[slot][k][tm + e]; v[e] = b[slot][k][tn + e]; }
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) multiply_add(sums[i][j], u[i], v[j]);
    }
    if (step + 1 < STEPS) keep(slot ^ 1);
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int m = m0 + tm + i, n = n0 + tn;
    if (m >= M || n >= S::N) continue;
    typename Out::Loaded loaded;
    out.load(m, n, loaded);
    out.store(m, n, sums[i], loaded);
  }
}

// One input channel for each output channel, four channels a thread; weights are [tap][channel].
template <class S, class Out>
__device__ __forceinline__ void depthwise(const typename S::T* x, const typename S::Weight* w, const typename S::Sum* bias, const Out& out) {
  constexpr int QUADS = S::N / 4;
  const int item = blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= S::HO * S::WO * QUADS) return;
  const int n = item % QUADS * 4, m = item / QUADS, oy = m / S::WO, ox = m % S::WO;
  typename Out::Loaded loaded;
  out.load(m, n, loaded);
  typename S::Sum sums[4];
#pragma unroll
  for (int e = 0; e < 4; e++) sums[e] = __ldg(bias + n + e);
#pragma unroll
  for (int ky = 0; ky < S::KH; ky++)
#pragma unroll
    for (int kx = 0; kx < S::KW; kx++) {
      const int iy = oy * S::SY - S::PT + ky * S::DY, ix = ox * S::SX - S::PL + kx * S::DX;
      float v[4] = {S::FILL, S::FILL, S::FILL, S::FILL};
      if ((u32)iy < (u32)S::H && (u32)ix < (u32)S::W) load4(x + (iy * S::W + ix) * S::LDX + n, v);
#pragma unroll
      for (int e = 0; e < 4; e++) sums[e] += (typename S::Sum)v[e] * w[(ky * S::KW + kx) * S::N + n + e];
    }
  out.store(m, n, sums, loaded);
}
