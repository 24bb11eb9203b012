// Copies to shared memory, matrices from there, products on tensor cores, and sums that blocks share.
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
