// A convolution as a matrix product on tensor cores: C[pixels][outputs] = A[pixels][taps * channels] * B[outputs][...]^T.
// A is read straight from the map (NHWC), 16 bytes a copy; taps beyond the edge become the padding byte.
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
  constexpr int PATCH_BYTES = Patch<S>::BYTES;
  constexpr int A_BYTES = S::PATCH ? 0 : BM * ROW, STAGE = A_BYTES + BN * ROW, LEAP = RS * ROW;
  constexpr int M = S::HO * S::WO, K = S::KH * S::KW * S::C, KP = S::KP, KT = KP / S::BK, F = MI * NP * 2;
  constexpr bool PLAIN = S::KH * S::KW == 1 && S::SY == 1 && S::SX == 1 && S::PT == 0 && S::PL == 0 && S::H == S::HO && S::W == S::WO;
  static_assert((ROW == 64 || ROW == 128) && BM % RS == 0 && TM % 16 == 0 && TN % 16 == 0 && RS % 16 == 0, "tile");
  static_assert(S::C % E == 0 && S::LDX % E == 0 && S::N % 4 == 0, "channels");
  extern __shared__ __align__(128) unsigned char memory[];
  const u32 patch = shared_address(memory), s0 = patch + PATCH_BYTES;
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
  const int cn = n0 + wn * TN + (lane & 3) * 4, rm = wm * TM + (lane >> 2);
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
  const int row_a = wm * TM + (lane & 15);
  const u32 read_a = s0 + row_a * ROW, read_b = s0 + A_BYTES + (wn * TN + nq) * ROW;
  const int za = place_a<ROW>(lane & 15), zb = place_b<ROW>(nq), ca = lane >> 4, cb = (lane >> 3) & 1;

  if constexpr (S::EARLY) wait_for_earlier();        // everything above touches weights and bias only
  if constexpr (S::EARLY == 2) let_later_start();
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (S::PATCH && s == 0) Patch<S>::fetch(patch, x, THREADS);
    if (!S::PATCH && s < steps) fetch_a(s, first + s);
    commit_copies();                                 // the first group also holds all weights so far
  }
  typename Out::Loaded loaded[MI * 2][NP];
  if constexpr (SPLIT == 1)
#pragma unroll
    for (int i = 0; i < MI * 2; i++)
#pragma unroll
      for (int j = 0; j < NP; j++)
        if (Patch<S>::pixel(rm + i * 8) < M && cn + j * 16 < S::N) out.load(Patch<S>::pixel(rm + i * 8), cn + j * 16, loaded[i][j]);

  int reading = 0, writing = STAGES - 1;
  for (int step = 0; step < steps; step++) {
    wait_copies<STAGES - 2>();                       // STAGES - 1 + step groups were committed: group `step` is complete
    __syncthreads();                                 // seen by all, and all are done with the slot that is written next
    if (step + STAGES - 1 < steps) {
      if (!S::PATCH) fetch_a(writing, first + step + STAGES - 1);
      fetch_b(writing, first + step + STAGES - 1);
    }
    commit_copies();                                 // empty at the tail, so that the count stays right
#pragma unroll
    for (int ks = 0; ks < ROW / 32; ks++) {
      u32 a[MI][4], b[NP][4];
#pragma unroll
      for (int i = 0; i < MI; i++) {
        if constexpr (S::PATCH) load_matrices(a[i], Patch<S>::read(patch, row_a + i * 16, (first + step) * CHUNKS + ks * 2 + ca));
        else load_matrices(a[i], read_a + reading * STAGE + i * 16 * ROW + (((ks * 2 + ca) ^ za) << 4));
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
      if (Patch<S>::pixel(rm + i * 8) < M && cn + j * 16 < S::N) out.store(Patch<S>::pixel(rm + i * 8), cn + j * 16, v, loaded[i][j]);
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
    static_assert(F * THREADS % SPLIT == 0 && F * THREADS * 16 <= PATCH_BYTES + STAGES * STAGE, "split");
#pragma unroll
    for (int q = t; q < PART; q += THREADS) {
      const int item = z * PART + q, f = item / THREADS, u = item % THREADS, l = u & 31;
      const int m = Patch<S>::pixel((u >> 5) % WM * TM + f / (2 * NP) * 16 + f % 2 * 8 + (l >> 2));
      const int n = n0 + (u >> 5) / WM * TN + f / 2 % NP * 16 + (l & 3) * 4;
      const bool inside = m < M && n < S::N;
      typename Out::Loaded h;
      if (inside) out.load(m, n, h);
      Sum v[4] = {0, 0, 0, 0};
#pragma unroll
      for (int r = 0; r < SPLIT; r++) add4(v, load_from_peer(patch + item * 16, r));
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
      const int m = Patch<S>::pixel(rm + i * 8);
      const bool inside = m < M && cn + j * 16 < S::N;
      typename Out::Loaded h;
      if (inside) out.load(m, cn + j * 16, h);
      Sum v[4] = {0, 0, 0, 0};
#pragma unroll
      for (int r = 0; r < SPLIT; r++) add4(v, __ldcg(slot + (r * F + f) * THREADS));
      if (inside) out.store(m, cn + j * 16, v, h);
    }
  }
}
