// A CUDA device in one thread of the host, for kernels without dynamic shared memory: the threads of a block are
// coroutines that run until they meet a barrier. Warp functions take all lanes that have not returned. Between coroutines
// _longjmp leads, which asks nothing of the kernel as swapcontext does; they are made once for all blocks of a launch.
#pragma once
#include <cmath>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct dim3 { unsigned x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace host {
struct Meeting { int arrived = 0, living = 0; long round = 0; };
struct Thread { jmp_buf place; char *stack; bool ended; dim3 index; };
constexpr size_t STACK = 128 << 10;
static std::vector<Thread> threads;
static std::vector<Meeting> warps;
static std::vector<unsigned long long> slots;  // what each thread shows the others of its warp
static Meeting block;
static jmp_buf scheduler;
static int current;
typedef void (*Kernel)(...);
static void (*body)();

static void pause() {
    if (!_setjmp(threads[current].place)) _longjmp(scheduler, 1);
}
__attribute__((noinline)) static void go_on() {
    if (!_setjmp(scheduler)) _longjmp(threads[current].place, 1);
}
static void meet(Meeting &meeting) {
    long round = meeting.round;
    meeting.arrived++;
    while (meeting.round == round) {
        if (meeting.arrived >= meeting.living) {
            meeting.arrived = 0;
            meeting.round++;
        } else {
            pause();
        }
    }
}
static int lane() { return current % 32; }
static int warp_first() { return current - lane(); }
static int warp_last() { int last = warp_first() + 32; return last < (int)threads.size() ? last : (int)threads.size(); }
static void meet_warp() { meet(warps[current / 32]); }
template <class T> T show(T value, int from) {
    unsigned long long bits = 0;
    memcpy(&bits, &value, sizeof value);
    slots[current] = bits;
    meet_warp();
    bool there = from >= 0 && from < 32 && warp_first() + from < warp_last() && !threads[warp_first() + from].ended;
    unsigned long long seen = there ? slots[warp_first() + from] : bits;
    meet_warp();
    memcpy(&value, &seen, sizeof value);
    return value;
}
static void enter() {
    while (true) {
        pause();
        body();
        threads[current].ended = true;
        warps[current / 32].living--;
        block.living--;
    }
}
__attribute__((noinline)) static void begin() {
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = threads[current].stack;
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, enter, 0);
    if (!_setjmp(scheduler)) setcontext(&context);
}
static void run_block() {
    block.living = threads.size();
    for (current = 0; current < (int)threads.size(); current++) {
        threads[current].ended = false;
        warps[current / 32].living = warp_last() - warp_first();
    }
    while (block.living)
        for (current = 0; current < (int)threads.size(); current++)
            if (!threads[current].ended) {
                threadIdx = threads[current].index;
                go_on();
            }
}
}  // namespace host

static inline void __syncthreads() { host::meet(host::block); threadIdx = host::threads[host::current].index; }
template <class T> T __shfl_sync(unsigned, T value, int from) { return host::show(value, from); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask) { return host::show(value, host::lane() ^ mask); }
template <class T> T __shfl_up_sync(unsigned, T value, int by) { return host::show(value, host::lane() - by); }
static inline unsigned __ballot_sync(unsigned, bool vote) {
    host::slots[host::current] = vote;
    host::meet_warp();
    unsigned votes = 0;
    for (int k = host::warp_first(); k < host::warp_last(); k++)
        if (!host::threads[k].ended && host::slots[k]) votes |= 1u << (k % 32);
    host::meet_warp();
    return votes;
}
static inline bool __any_sync(unsigned mask, bool vote) { return __ballot_sync(mask, vote) != 0; }
template <class T, class U> T atomicAdd(T *place, U value) { T before = *place; *place += value; return before; }
template <class T, class U> T atomicOr(T *place, U value) { T before = *place; *place |= value; return before; }
static inline int __popc(unsigned value) { return __builtin_popcount(value); }
static inline int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
static inline void __syncwarp() { host::meet_warp(); }
static inline int __ffs(unsigned value) { return __builtin_ffs(value); }
static inline int __ffsll(unsigned long long value) { return __builtin_ffsll(value); }
static inline int __float2int_rn(float value) { return (int)nearbyintf(value); }
static inline unsigned __float_as_uint(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }
static inline int __float_as_int(float value) { return (int)__float_as_uint(value); }
static inline float __uint_as_float(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }
static inline float __int_as_float(int bits) { return __uint_as_float((unsigned)bits); }

namespace host {
static void *kernel;
static unsigned long long arguments[24];
static void call() {
    typedef unsigned long long A;
    A *a = arguments;
    ((void (*)(A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A))kernel)(
        a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16],
        a[17], a[18], a[19], a[20], a[21], a[22], a[23]);
}
}  // namespace host

// Runs a kernel all of whose arguments are addresses or whole numbers.
extern "C" void launch_on_host(void *kernel, const unsigned *grid, const unsigned *block,
                               const unsigned long long *arguments, int count) {
    using namespace host;
    host::kernel = kernel;
    body = call;
    memset(host::arguments, 0, sizeof host::arguments);
    memcpy(host::arguments, arguments, count * sizeof *arguments);
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    unsigned size = block[0] * block[1] * block[2];
    threads.resize(size);
    warps.assign((size + 31) / 32, Meeting());
    slots.assign(size, 0);
    host::block = Meeting();
    for (unsigned k = 0; k < size; k++) {
        threads[k].stack = (char *)malloc(STACK);
        threads[k].index = {k % block[0], k / block[0] % block[1], k / block[0] / block[1]};
    }
    for (current = 0; current < (int)size; current++) begin();
    for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++) run_block();
    for (auto &thread : threads) free(thread.stack);
    threads.clear();
}
