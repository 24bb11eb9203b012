// A convolution as a matrix product on tensor cores: C[pixels][outputs] = A[pixels][taps * channels] * B[outputs][...]^T.
// A is read straight from the map (NHWC), 16 bytes a copy; taps beyond the edge become the padding byte.
__device__ __forceinline__ u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

template <u32 FILL, bool CACHED = false> __device__ __forceinline__ void copy16(u32 to, const void* from, bool inside) {
#if __CUDA_ARCH__ >= 800
  if constexpr (FILL == 0 && CACHED) {               // by the cache that windows of neighbouring pixels share
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(inside ? 16 : 0) : "memory");
  } else if constexpr (FILL == 0) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(inside ? 16 : 0) : "memory");
  } else if (inside) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
  } else {
    asm volatile("st.shared.v4.b32 [%0], {%1, %1, %1, %1};" ::"r"(to), "r"(FILL * 0x01010101u) : "memory");
  }
#else
  uint4 v = make_uint4(FILL * 0x01010101u, FILL * 0x01010101u, FILL * 0x01010101u, FILL * 0x01010101u);
  if (inside) v = *(const uint4*)from;
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
#endif
}
__device__ __forceinline__ void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int N> __device__ __forceinline__ void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}
__device__ __forceinline__ void load_matrices(u32 (&r)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory"); }

// 16 rows of A by 8 rows of B over 32 bytes.
#if __CUDA_ARCH__ >= 800
#define MMA(SHAPE, KIND) \
  asm("mma.sync.aligned." SHAPE ".row.col." KIND " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
      : C_OPERAND(c[0]), C_OPERAND(c[1]), C_OPERAND(c[2]), C_OPERAND(c[3]) \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
#define C_OPERAND(x) "+f"(x)
__device__ __forceinline__ void mma(f16, float* c, const u32 (&a)[4], u32 b0, u32 b1) { MMA("m16n8k16", "f32.f16.f16.f32"); }
__device__ __forceinline__ void mma(bf16, float* c, const u32 (&a)[4], u32 b0, u32 b1) { MMA("m16n8k16", "f32.bf16.bf16.f32"); }
__device__ __forceinline__ void mma(float, float* c, const u32 (&a)[4], u32 b0, u32 b1) { MMA("m16n8k8", "f32.tf32.tf32.f32"); }
#undef C_OPERAND
#define C_OPERAND(x) "+r"(x)
__device__ __forceinline__ void mma(u8, int* c, const u32 (&a)[4], u32 b0, u32 b1) { MMA("m16n8k32", "s32.u8.s8.s32"); }
#undef C_OPERAND
#undef MMA
#elif __CUDA_ARCH__ >= 750
__device__ __forceinline__ void mma(f16, float* c, const u32 (&a)[4], u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[2]), "r"(a[3]), "r"(b1)); }
__device__ __forceinline__ void mma8(int* c, u32 a, u32 b) {
  asm("mma.sync.aligned.m8n8k16.row.col.s32.u8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};" : "+r"(c[0]), "+r"(c[1]) : "r"(a), "r"(b)); }
__device__ __forceinline__ void mma(u8, int* c, const u32 (&a)[4], u32 b0, u32 b1) {
  mma8(c, a[0], b0); mma8(c + 2, a[1], b0); mma8(c, a[2], b1); mma8(c + 2, a[3], b1); }
#endif

// Fragments as they were read, and for the tf32 product of floats rounded: cut off, sums would shrink layer by layer.
template <class T> __device__ __forceinline__ void round_for(T, u32 (&)[4]) {}
#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void round_for(float, u32 (&a)[4]) {
#pragma unroll
  for (int e = 0; e < 4; e++) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(a[e]) : "f"(__uint_as_float(a[e]))); }
#endif

#if __CUDA_ARCH__ >= 900
__device__ __forceinline__ void meet_cluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory"); }
__device__ __forceinline__ uint4 load_from_peer(u32 address, u32 rank) {
  u32 there; uint4 v;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
  asm volatile("ld.shared::cluster.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(there) : "memory");
  return v; }
#else
__device__ __forceinline__ void meet_cluster() {}
__device__ __forceinline__ uint4 load_from_peer(u32, u32) { return make_uint4(0, 0, 0, 0); }
#endif
__device__ __forceinline__ u32 arrive(u32* counter) {   // orders what the whole block wrote, through its barriers
  __threadfence();
  u32 before = atomicAdd(counter, 1);
  __threadfence();
  return before; }
__device__ __forceinline__ void add4(float (&sum)[4], uint4 v) {
  sum[0] += __uint_as_float(v.x); sum[1] += __uint_as_float(v.y); sum[2] += __uint_as_float(v.z); sum[3] += __uint_as_float(v.w); }
__device__ __forceinline__ void add4(int (&sum)[4], uint4 v) { sum[0] += v.x; sum[1] += v.y; sum[2] += v.z; sum[3] += v.w; }
__device__ __forceinline__ uint4 bits4(const float (&v)[4]) {
  return make_uint4(__float_as_uint(v[0]), __float_as_uint(v[1]), __float_as_uint(v[2]), __float_as_uint(v[3])); }
__device__ __forceinline__ uint4 bits4(const int (&v)[4]) { return make_uint4(v[0], v[1], v[2], v[3]); }

// Places of 16-byte chunks within a row of a tile, so that no two rows that are read at once share banks. Fragments of
// A take 8 rows in order, those of B rows 0, 1, 4, 5, 8, 9, 12, 13 and then the others.
template <int ROW> __device__ __forceinline__ int place_a(int r) { return ROW == 64 ? (r >> 1) & 3 : r & 7; }
template <int ROW> __device__ __forceinline__ int place_b(int r) { return ROW == 64 ? (r >> 2) & 3 : (r & 1) | ((r >> 1) & 6); }

// S: the geometry; Out: what happens to four neighbouring sums of one pixel. All numbers are known when compiling.
template <class S, class Out>
__device__ __forceinline__ void conv_mma(const typename S::T* x, const typename S::T* w, const typename S::Sum* bias,
                                         uint4* partial, u32* arrived, const Out& out) {
  typedef typename S::T T;
  typedef typename S::Sum Sum;
  constexpr int BM = S::BM, BN = S::BN, WM = S::WM, WN = S::WN, STAGES = S::STAGES, SPLIT = S::SPLIT;
  constexpr int SIZE = sizeof(T), E = 16 / SIZE, ROW = S::BK * SIZE;             // elements a chunk, bytes a row of a tile
  constexpr int THREADS = WM * WN * 32, CHUNKS = ROW / 16, RS = THREADS / CHUNKS, AR = BM / RS, BR = (BN + RS - 1) / RS;
  constexpr int TM = BM / WM, TN = BN / WN, MI = TM / 16, NP = TN / 16;
  constexpr int A_BYTES = BM * ROW, STAGE = (BM + BN) * ROW, LEAP = RS * ROW;
  constexpr int M = S::HO * S::WO, K = S::KH * S::KW * S::C, KP = S::KP, KT = KP / S::BK, F = MI * NP * 2;
  constexpr bool PLAIN = S::KH * S::KW == 1 && S::SY == 1 && S::SX == 1 && S::PT == 0 && S::PL == 0 && S::H == S::HO && S::W == S::WO;
  static_assert((ROW == 64 || ROW == 128) && BM % RS == 0 && TM % 16 == 0 && TN % 16 == 0 && RS % 16 == 0, "tile");
  static_assert(S::C % E == 0 && S::LDX % E == 0 && S::N % 4 == 0, "channels");
  extern __shared__ __align__(128) unsigned char memory[];
  const u32 s0 = shared_address(memory);
  const int t = threadIdx.x, lane = t & 31, wm = (t >> 5) % WM, wn = (t >> 5) / WM;
  const int n0 = blockIdx.x * BN, m0 = blockIdx.y * BM, z = SPLIT > 1 ? blockIdx.z : 0;
  const int first = KT * z / SPLIT, steps = KT * (z + 1) / SPLIT - first;
  const int chunk = t % CHUNKS, r0 = t / CHUNKS;     // this thread's place in both tiles; further rows at + i * RS
  const u32 to_a = s0 + r0 * ROW + ((chunk ^ place_a<ROW>(r0)) << 4);
  const u32 to_b = s0 + A_BYTES + r0 * ROW + ((chunk ^ place_b<ROW>(r0)) << 4);

  const T* from_b = w + (long long)(n0 + r0) * KP + chunk * E;   // weights are padded both ways: no test
  auto fetch_b = [&](int stage, int step) {
#pragma unroll
    for (int i = 0; i < BR; i++)
      if (BN % RS == 0 || r0 + i * RS < BN) copy16<0>(to_b + stage * STAGE + i * LEAP, from_b + i * RS * KP + step * S::BK, true);
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++)
    if (s < steps) fetch_b(s, first + s);

  int iy[AR], ix[AR], from[AR];
#pragma unroll
  for (int i = 0; i < AR; i++) {
    const int m = m0 + r0 + i * RS, oy = m / S::WO, ox = m - oy * S::WO;
    iy[i] = m < M ? oy * S::SY - S::PT : -(1 << 20);
    ix[i] = ox * S::SX - S::PL;
    from[i] = PLAIN ? m * S::LDX : (iy[i] * S::W + ix[i]) * S::LDX;
  }
  auto fetch_a = [&](int stage, int step) {
    const int k = step * S::BK + chunk * E;
    const int tap = k / S::C, c = k - tap * S::C, ky = tap / S::KW, kx = tap - ky * S::KW;
    const int ahead = PLAIN ? k : (ky * S::DY * S::W + kx * S::DX) * S::LDX + c;
    const bool within = K == KP || k < K;
#pragma unroll
    for (int i = 0; i < AR; i++) {
      const bool inside = PLAIN ? within && (M % BM == 0 || iy[i] >= 0)
                                : within && (u32)(iy[i] + ky * S::DY) < (u32)S::H && (u32)(ix[i] + kx * S::DX) < (u32)S::W;
      copy16<S::FILL, S::CACHED>(to_a + stage * STAGE + i * LEAP, x + (inside ? from[i] + ahead : 0), inside);
    }
  };

  // sums[i][j] is 16 rows by 16 columns. B's rows are permuted on reading so that lane (g = lane / 4, q = lane % 4) holds
  // columns 4q..4q+3 of the 16: [0], [1], [4], [5] of row g, and [2], [3], [6], [7] of row g + 8.
  Sum sums[MI][NP][8];
  const int cn = n0 + wn * TN + (lane & 3) * 4, cm = m0 + wm * TM + (lane >> 2);
#pragma unroll
  for (int j = 0; j < NP; j++) {
    Sum b[4] = {0, 0, 0, 0};
    if (SPLIT == 1 || z == 0)
#pragma unroll
      for (int e = 0; e < 4; e++) b[e] = __ldg(bias + cn + j * 16 + e);
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int e = 0; e < 8; e++) sums[i][j][e] = b[(e & 1) | (e & 4) >> 1];
  }
  const int nq = ((lane & 6) << 1) | ((lane >> 4) << 1) | (lane & 1);
  const u32 read_a = s0 + (wm * TM + (lane & 15)) * ROW, read_b = s0 + A_BYTES + (wn * TN + nq) * ROW;
  const int za = place_a<ROW>(lane & 15), zb = place_b<ROW>(nq), ca = lane >> 4, cb = (lane >> 3) & 1;

  if constexpr (S::EARLY) wait_for_earlier();        // everything above touches weights and bias only
  if constexpr (S::EARLY == 2) let_later_start();
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < steps) fetch_a(s, first + s);
    commit_copies();                                 // the first group also holds all weights so far
  }
  typename Out::Held held[MI * 2][NP];
  if constexpr (SPLIT == 1)
#pragma unroll
    for (int i = 0; i < MI * 2; i++)
#pragma unroll
      for (int j = 0; j < NP; j++)
        if (cm + i * 8 < M && cn + j * 16 < S::N) out.load(cm + i * 8, cn + j * 16, held[i][j]);

  int reading = 0, writing = STAGES - 1;
  for (int step = 0; step < steps; step++) {
    wait_copies<STAGES - 2>();                       // STAGES - 1 + step groups were committed: group `step` is complete
    __syncthreads();                                 // seen by all, and all are done with the slot that is written next
    if (step + STAGES - 1 < steps) {
      fetch_a(writing, first + step + STAGES - 1);
      fetch_b(writing, first + step + STAGES - 1);
    }
    commit_copies();                                 // empty at the tail, so that the count stays right
#pragma unroll
    for (int ks = 0; ks < ROW / 32; ks++) {
      u32 a[MI][4], b[NP][4];
#pragma unroll
      for (int i = 0; i < MI; i++) {
        load_matrices(a[i], read_a + reading * STAGE + i * 16 * ROW + (((ks * 2 + ca) ^ za) << 4));
        round_for(T(), a[i]);
      }
#pragma unroll
      for (int j = 0; j < NP; j++) load_matrices(b[j], read_b + reading * STAGE + j * 16 * ROW + (((ks * 2 + cb) ^ zb) << 4));
#pragma unroll
      for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NP; j++) {
          mma(T(), &sums[i][j][0], a[i], b[j][0], b[j][1]);
          mma(T(), &sums[i][j][4], a[i], b[j][2], b[j][3]);
        }
    }
    if (++reading == STAGES) reading = 0;
    if (++writing == STAGES) writing = 0;
  }
  if constexpr (S::EARLY == 1) let_later_start();

  auto fragment = [&](int f, Sum (&v)[4]) {          // the f-th four neighbouring sums of this thread
    const Sum* c = sums[f / (2 * NP)][f / 2 % NP] + f % 2 * 2;
    v[0] = c[0]; v[1] = c[1]; v[2] = c[4]; v[3] = c[5];
  };
  if constexpr (SPLIT == 1) {
#pragma unroll
    for (int f = 0; f < F; f++) {
      const int i = f / (2 * NP) * 2 + f % 2, j = f / 2 % NP;
      Sum v[4];
      fragment(f, v);
      if (cm + i * 8 < M && cn + j * 16 < S::N) out.store(cm + i * 8, cn + j * 16, v, held[i][j]);
    }
  } else if constexpr (S::CLUSTER) {                 // the blocks of a tile share their sums; each finishes a part of it
    wait_copies<0>();
    __syncthreads();
    uint4* mine = (uint4*)memory;
#pragma unroll
    for (int f = 0; f < F; f++) {
      Sum v[4];
      fragment(f, v);
      mine[f * THREADS + t] = bits4(v);
    }
    meet_cluster();
    constexpr int PART = F * THREADS / SPLIT;
    static_assert(F * THREADS % SPLIT == 0 && F * THREADS * 16 <= STAGES * STAGE, "split");
#pragma unroll
    for (int q = t; q < PART; q += THREADS) {
      const int item = z * PART + q, f = item / THREADS, u = item % THREADS, l = u & 31;
      const int m = m0 + (u >> 5) % WM * TM + f / (2 * NP) * 16 + f % 2 * 8 + (l >> 2);
      const int n = n0 + (u >> 5) / WM * TN + f / 2 % NP * 16 + (l & 3) * 4;
      const bool inside = m < M && n < S::N;
      typename Out::Held h;
      if (inside) out.load(m, n, h);
      Sum v[4] = {0, 0, 0, 0};
#pragma unroll
      for (int r = 0; r < SPLIT; r++) add4(v, load_from_peer(s0 + item * 16, r));
      if (inside) out.store(m, n, v, h);
    }
    meet_cluster();                                  // nobody leaves while others read
  } else {                                           // the last block of a tile adds up what all have left, in order
    const int tile = blockIdx.y * gridDim.x + blockIdx.x;
    uint4* slot = partial + (long long)tile * SPLIT * F * THREADS + t;
#pragma unroll
    for (int f = 0; f < F; f++) {
      Sum v[4];
      fragment(f, v);
      __stcg(slot + (z * F + f) * THREADS, bits4(v));
    }
    __syncthreads();
    int last = 0;
    if (t == 0) last = arrive(arrived + tile) == SPLIT - 1;
    if (!__syncthreads_or(last)) return;
    if (t == 0) arrived[tile] = 0;
#pragma unroll
    for (int f = 0; f < F; f++) {
      const int i = f / (2 * NP) * 2 + f % 2, j = f / 2 % NP;
      const bool inside = cm + i * 8 < M && cn + j * 16 < S::N;
      typename Out::Held h;
      if (inside) out.load(cm + i * 8, cn + j * 16, h);
      Sum v[4] = {0, 0, 0, 0};
#pragma unroll
      for (int r = 0; r < SPLIT; r++) add4(v, __ldcg(slot + (r * F + f) * THREADS));
      if (inside) out.store(cm + i * 8, cn + j * 16, v, h);
    }
  }
}
