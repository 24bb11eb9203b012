// Every pixel of the result from one pixel of a map, four channels a thread.
template <class S, class Out>
__device__ __forceinline__ void pointwise(const typename S::T* x, const Out& out) {
  constexpr int QUADS = S::C / 4;
  const int item = blockIdx.x * blockDim.x + threadIdx.x;
  if (item >= S::HO * S::WO * QUADS) return;
  const int n = item % QUADS * 4, m = item / QUADS;
  const int from = S::FY * S::FX == 1 ? m : m / S::WO / S::FY * S::W + m % S::WO / S::FX;
  typename Out::Loaded loaded;
  out.load(m, n, loaded);
  float v[4] = {0.f, 0.f, 0.f, 0.f};                 // a picture's pixels may have fewer lanes than a map's
  if (S::READ >= S::C || n < S::READ) load4(x + from * S::LDX + n, v);
  if constexpr (S::DECODED)
#pragma unroll
    for (int e = 0; e < 4; e++) v[e] = __fmul_rn(__fsub_rn(v[e], S::zero()), S::scale());
  out.store(m, n, v, loaded);
}
