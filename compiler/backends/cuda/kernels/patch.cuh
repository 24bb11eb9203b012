// The pixels that a block of a convolution computes, and with S::PATCH what their taps read of the map: a rectangle of it
// that lies in shared memory once, pixel after pixel. Otherwise the block has a run of pixels, and no patch.
template <class S> struct Patch {
  typedef typename S::T T;
  static constexpr int E = 16 / sizeof(T), CHUNKS = S::C / E, M = S::HO * S::WO, K = S::KH * S::KW * S::C;   // 16 bytes a chunk
  static constexpr int ACROSS = S::PATCH ? S::PATCH : 1, DOWN = S::BM / ACROSS, BLOCKS = S::WO / ACROSS;
  static constexpr int WIDTH = (ACROSS - 1) * S::SX + (S::KW - 1) * S::DX + 1, HEIGHT = (DOWN - 1) * S::SY + (S::KH - 1) * S::DY + 1;
  static constexpr int BYTES = S::PATCH ? (HEIGHT * WIDTH * CHUNKS * 16 + 127) / 128 * 128 : 0;

  // The pixel of a row of the block's tile; M or more where there is none.
  static __device__ __forceinline__ int pixel(int row) {
    if constexpr (!S::PATCH) return blockIdx.y * S::BM + row;
    const int y = blockIdx.y / BLOCKS * DOWN + row / ACROSS, x = blockIdx.y % BLOCKS * ACROSS + row % ACROSS;
    return S::HO % DOWN == 0 || y < S::HO ? y * S::WO + x : M; }

  // Chunks are swapped within a pixel, so that eight neighbours, which are read at once, share as few banks as can be.
  static __device__ __forceinline__ u32 place(u32 patch, int y, int x, int chunk) {
    int swap = 0;
    if constexpr ((CHUNKS & (CHUNKS - 1)) == 0) swap = CHUNKS >= 8 ? x / S::SX & 7 : x / (8 / CHUNKS) & (CHUNKS - 1);
    return patch + ((y * WIDTH + x) * CHUNKS + (chunk ^ swap)) * 16; }

  static __device__ __forceinline__ void fetch(u32 patch, const T* map, int threads) {
    const int top = blockIdx.y / BLOCKS * DOWN * S::SY - S::PT, left = blockIdx.y % BLOCKS * ACROSS * S::SX - S::PL;
#pragma unroll 1
    for (int q = threadIdx.x; q < HEIGHT * WIDTH * CHUNKS; q += threads) {
      const int chunk = q % CHUNKS, x = q / CHUNKS % WIDTH, y = q / CHUNKS / WIDTH;
      const bool inside = (u32)(top + y) < (u32)S::H && (u32)(left + x) < (u32)S::W;
      const T* from = map + (inside ? ((top + y) * S::W + left + x) * S::LDX + chunk * E : 0);
      copy16<S::FILL, S::CACHED>(place(patch, y, x, chunk), from, inside);
    } }

  // Where the k-th chunk of what a row's taps read lies; beyond the taps weights are zero, and any number will do.
  static __device__ __forceinline__ u32 read(u32 patch, int row, int k) {
    const int tap = K % S::BK == 0 || k < K / E ? k / CHUNKS : 0;
    return place(patch, row / ACROSS * S::SY + tap / S::KW * S::DY, row % ACROSS * S::SX + tap % S::KW * S::DX, k % CHUNKS); }
};
