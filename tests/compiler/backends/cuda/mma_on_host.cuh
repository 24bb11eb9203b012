// What mma.cuh and CUDA itself say with instructions of a card, for cuda_on_host.h: copies are done at once, matrices
// and products go through what the lanes of a warp show each other. Addresses of shared memory are offsets into it.
struct uint2 { unsigned x, y; };
struct uint4 { unsigned x, y, z, w; };
struct float4 { float x, y, z, w; };
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdividef(float a, float b) { return a / b; }
template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T> void __stcg(T *p, T value) { *p = value; }
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned order) {
    unsigned long long both = (unsigned long long)b << 32 | a;
    unsigned result = 0;
    for (int k = 0; k < 4; k++) result |= (unsigned)(both >> 8 * (order >> 4 * k & 7) & 255) << 8 * k;
    return result;
}
static inline int __syncthreads_or(int vote) {
    static int any;
    __syncthreads();
    any = 0;
    __syncthreads();
    any |= vote;
    __syncthreads();
    return any;
}
static unsigned char memory[232448];

static inline unsigned shared_address(const void *) { return 0; }
template <unsigned FILL, bool CACHED = false> void copy16(unsigned to, const void *from, bool inside) {
    if (inside)
        memcpy(memory + to, from, 16);
    else
        memset(memory + to, FILL, 16);
}
static inline void commit_copies() {}
template <int N> void wait_copies() {}
static inline void load_matrices(unsigned (&r)[4], unsigned address) {
    const int lane = host::lane();
    for (int k = 0; k < 4; k++) {
        const unsigned row = host::show(address, 8 * k + lane / 4);
        memcpy(&r[k], memory + row + lane % 4 * 4, 4);
    }
}
static inline float product(float, unsigned a, unsigned b) { return __uint_as_float(a) * __uint_as_float(b); }
static inline int product(unsigned char, unsigned a, unsigned b) {
    int sum = 0;
    for (int k = 0; k < 32; k += 8) sum += (int)(a >> k & 255) * (int)(signed char)(b >> k & 255);
    return sum;
}
static unsigned shown[32][32][6];  // by warp and lane: what each lane holds of the factors
template <class T, class Sum> void mma(T kind, Sum *c, const unsigned (&a)[4], unsigned b0, unsigned b1) {
    const int lane = host::lane(), row = lane / 4, column = lane % 4 * 2;
    auto &warp = shown[host::current / 32];
    const unsigned mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
    memcpy(warp[lane], mine, sizeof mine);
    host::meet_warp();
    for (int word = 0; word < 4; word++)
        for (int k = 0; k < 4; k++) {
            const unsigned *its = warp[4 * row + word], *other = warp[4 * (column + k % 2) + word];
            c[k] += product(kind, its[k / 2], other[4]) + product(kind, its[2 + k / 2], other[5]);
        }
    host::meet_warp();
}
template <class T> void round_for(T, unsigned (&)[4]) {}
static inline void meet_cluster() {}
static inline uint4 load_from_peer(unsigned, unsigned) { return {}; }
static inline unsigned arrive(unsigned *counter) { return (*counter)++; }
static inline void add4(float (&sum)[4], uint4 v) {
    const unsigned parts[4] = {v.x, v.y, v.z, v.w};
    for (int k = 0; k < 4; k++) sum[k] += __uint_as_float(parts[k]);
}
static inline void add4(int (&sum)[4], uint4 v) { sum[0] += v.x; sum[1] += v.y; sum[2] += v.z; sum[3] += v.w; }
static inline uint4 bits4(const float (&v)[4]) {
    return {__float_as_uint(v[0]), __float_as_uint(v[1]), __float_as_uint(v[2]), __float_as_uint(v[3])};
}
static inline uint4 bits4(const int (&v)[4]) { return {(unsigned)v[0], (unsigned)v[1], (unsigned)v[2], (unsigned)v[3]}; }
