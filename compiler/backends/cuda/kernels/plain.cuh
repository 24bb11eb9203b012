// Between maps, whose channels lie side by side, and plain tensors, whose pixels do: a block turns a square in shared
// memory, so that both are read and written along their lines.
__device__ __forceinline__ void store1(float* p, float v) { *p = v; }
__device__ __forceinline__ void store1(f16* p, float v) { p->bits = (unsigned short)pack_f16(v, 0.f); }
#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void store1(bf16* p, float v) { p->bits = (unsigned short)pack_bf16(v, 0.f); }
#endif

template <class S>
__device__ __forceinline__ void to_plain(const typename S::T* x, const int* lanes, float* y) {
  __shared__ float square[S::SIDE][S::SIDE + 1];
  const int across = threadIdx.x % S::SIDE, first = threadIdx.x / S::SIDE;
  const int pixel = blockIdx.x * S::SIDE, channel = blockIdx.y * S::SIDE;
  for (int row = first; row < S::SIDE; row += S::ROWS)
    if (pixel + row < S::PIXELS && channel + across < S::COUNT)
      square[row][across] = load1(x + (pixel + row) * S::PITCH + __ldg(lanes + channel + across));
  __syncthreads();
  for (int row = first; row < S::SIDE; row += S::ROWS)
    if (channel + row < S::COUNT && pixel + across < S::PIXELS)
      y[(channel + row) * S::PIXELS + pixel + across] = square[across][row];
}

template <class S>
__device__ __forceinline__ void from_plain(const float* x, const int* channels, typename S::T* y) {
  __shared__ float square[S::SIDE][S::SIDE + 1];
  const int across = threadIdx.x % S::SIDE, first = threadIdx.x / S::SIDE;
  const int pixel = blockIdx.x * S::SIDE, lane = blockIdx.y * S::SIDE;
  for (int row = first; row < S::SIDE; row += S::ROWS) {
    const int channel = lane + row < S::COUNT ? __ldg(channels + lane + row) : -1;
    if (pixel + across < S::PIXELS) square[row][across] = channel < 0 ? 0.f : x[channel * S::PIXELS + pixel + across];
  }
  __syncthreads();
  for (int row = first; row < S::SIDE; row += S::ROWS)
    if (pixel + row < S::PIXELS && lane + across < S::COUNT)
      store1(y + (pixel + row) * S::PITCH + lane + across, square[across][row]);
}
