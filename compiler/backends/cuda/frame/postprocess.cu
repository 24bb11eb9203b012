// From the head's output to detections in pixels of the frame, best first, in four launches: find the candidates; put
// them in order; compare those of the first WINDOW places with each other; keep what no kept box suppresses.
#include "config.cuh"  // HEAD, COLLECT, CANDIDATES, CLASSES, MAX_DET, SUPPRESS, WINDOW, SELECT_THREADS, EDGE_COUNTS,
// HAS_OWN_IOU, OWN_IOU, LEAST_CONF
#include HEAD
#include "collect.cuh"
#include "overlap.cuh"

constexpr int WORDS = WINDOW / 64;

// The candidates in order of score, equals by number.
struct Ranked {
    Box *boxes;  // in input pixels
    float *scores;
    int *labels;
};

__device__ __forceinline__ Source source_of(const Element *const (&maps)[8]) {
#ifdef SCALES
    return {{{maps[0], maps[1], maps[2], maps[3]}, {maps[4], maps[5], maps[6], maps[7]}}};
#else
    return {maps[0]};
#endif
}

// The caller's thresholds, or what the file's own suppression makes of them.
__device__ __forceinline__ float conf_of(const Parameters &p) { return HAS_OWN_IOU ? most(p.conf, LEAST_CONF) : p.conf; }
__device__ __forceinline__ float iou_of(const Parameters &p) { return HAS_OWN_IOU ? OWN_IOU : p.iou; }

// From sm_90 on a launch may begin while those it waits for end (Launch.overlaps): everything that it reads, it reads
// behind this. The next launch may take its place at once, and waits in the same way.
__device__ __forceinline__ void wait_for_earlier() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#define MAPS                                                                                                          \
    const Element *map0, const Element *map1, const Element *map2, const Element *map3, const Element *map4,          \
        const Element *map5, const Element *map6, const Element *map7
#define SOURCE source_of({map0, map1, map2, map3, map4, map5, map6, map7})

extern "C" __global__ void __launch_bounds__(256, 4)
zcc_collect(const Parameters *parameters, MAPS, int *count, u64 *keys, int *labels) {
    wait_for_earlier();
    COLLECT(SOURCE, conf_of(*parameters), Found{count, keys, labels});
}

// A candidate's place is the number of those before it. A warp places four at a time; then each of its first 16 lanes
// reads a corner of one.
extern "C" __global__ void __launch_bounds__(256, 4)
zcc_rank(MAPS, const int *count, const u64 *keys, const int *labels, Box *boxes, float *scores, int *ranked_labels) {
    wait_for_earlier();
    const int total = *count, lane = threadIdx.x % 32, warps = gridDim.x * (blockDim.x / 32);
    const Source source = SOURCE;
    for (int first = 4 * ((blockIdx.x * blockDim.x + threadIdx.x) / 32); first < total; first += 4 * warps) {
        u64 key[4];
        int before[4];
#pragma unroll
        for (int k = 0; k < 4; k++) key[k] = first + k < total ? keys[first + k] : 0, before[k] = 0;
#pragma unroll 4
        for (int other = lane; other < total; other += 32) {
            u64 its = keys[other];
#pragma unroll
            for (int k = 0; k < 4; k++) before[k] += its < key[k];
        }
#pragma unroll
        for (int step = 16; step; step /= 2)
#pragma unroll
            for (int k = 0; k < 4; k++) before[k] += __shfl_xor_sync(ALL, before[k], step);
        int mine = lane / 4 % 4, side = lane % 4, place = before[0];
        u64 its = key[0];
#pragma unroll
        for (int k = 1; k < 4; k++)
            if (mine == k) place = before[k], its = key[k];
        if (lane < 16 && first + mine < total) {
            reinterpret_cast<float *>(boxes + place)[side] = source.corner((unsigned)its, side);
            if (side == 0) scores[place] = score_of(its);
            if (side == 1) ranked_labels[place] = labels[first + mine];
        }
    }
}

// Which rows and columns of 64 candidates a tile compares, when those on and above the diagonal are counted: the row
// that lies as far from the last as one from the first fills it up to the length of one and a whole row.
struct Tile {
    int row, column;

    __device__ Tile(int number, int tiles) {
        int pair = number / (tiles + 1), rest = number - pair * (tiles + 1);
        row = rest < tiles - pair ? pair : tiles - 1 - pair;
        column = rest < tiles - pair ? pair + rest : rest - 1;
    }
};

constexpr int TILES = 4;  // that a block has at a time, 64 threads each

// For each of the first WINDOW candidates a row of bits: which later ones it suppresses. A tile is 64 x 64 of them.
extern "C" __global__ void __launch_bounds__(64 * TILES, 4)
zcc_compare(const Parameters *parameters, const int *count, const Box *boxes, const int *labels, u64 *masks) {
    __shared__ Box others[TILES][64];
    __shared__ float other_areas[TILES][64];
    __shared__ int other_labels[TILES][64];
    wait_for_earlier();
    const int total = least(*count, WINDOW), tiles = (total + 63) / 64, thread = threadIdx.x % 64, own = threadIdx.x / 64;
    const int most = (tiles + 1) / 2 * (tiles + 1);
    const float iou = iou_of(*parameters);
    for (int first = blockIdx.x * TILES; first < most; first += gridDim.x * TILES) {
        const Tile tile(least(first + own, most - 1), tiles);
        const int mine = tile.row * 64 + thread, other = tile.column * 64 + thread;
        const bool present = mine < total;
        const Box box = boxes[present ? mine : 0];
        const int label = labels[present ? mine : 0];
        const Box its = boxes[other < total ? other : 0];
        others[own][thread] = its;
        other_areas[own][thread] = area(its);
        other_labels[own][thread] = other < total ? labels[other] : -1;  // nobody's
        __syncthreads();
        const float box_area = area(box);
        u64 bits = 0;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            unsigned word = 0;
#pragma unroll 8
            for (int k = 0; k < 32; k++) {
                const int at = half * 32 + k;
                bool hit = other_labels[own][at] == label &&
                           suppresses(box, box_area, others[own][at], other_areas[own][at], iou);
                word |= (unsigned)hit << k;
            }
            bits |= (u64)word << 32 * half;
        }
        if (tile.row == tile.column) bits &= ~1ull << thread;  // those behind it
        if (present) masks[(long long)mine * WORDS + tile.column] = bits;
        __syncthreads();
    }
}

constexpr int WARPS = SELECT_THREADS / 32;

struct Selection {
    int kept[MAX_DET];  // places of what is kept
    int count;
    u64 removed[WARPS];  // what each warp knows of 64 candidates: those that a box kept before them suppresses
    u64 taken;           // of the 64 before them, those that are kept
    u64 diagonal[64];    // for each of them, which of the others it suppresses
};

__device__ __forceinline__ u64 any_of_warp(u64 bits) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    return (u64)__reduce_or_sync(ALL, (unsigned)(bits >> 32)) << 32 | __reduce_or_sync(ALL, (unsigned)bits);
#else
    for (int step = 16; step; step /= 2) bits |= __shfl_xor_sync(ALL, bits, step);
    return bits;
#endif
}

// What a thread reads of the rows that were compared before, 64 candidates ahead of their turn. Nothing is done with it
// before `tell`, so that nobody waits for it.
struct Ahead {
    static constexpr int SLOTS = (MAX_DET + SELECT_THREADS - 1) / SELECT_THREADS;
    u64 kept[SLOTS];  // of boxes kept so far
    u64 fresh;        // of a box that may be kept next
    u64 diagonal;     // of a box whose turn it is then

    // For the candidates from `base` on, while those before them have their turn.
    __device__ __forceinline__ void read(const Selection &s, int count, const u64 *masks, int base, int total) {
        const int row = threadIdx.x % 64;
        const u64 *column = masks + base / 64;
        const bool any = base < least(total, WINDOW);
#pragma unroll
        for (int k = 0; k < SLOTS; k++) {
            const int slot = threadIdx.x + k * SELECT_THREADS;
            kept[k] = 0;
            if (any && slot < count) kept[k] = column[(long long)s.kept[slot] * WORDS];
        }
        fresh = diagonal = 0;
        if (any && threadIdx.x / 64 == 1 && base > 0) fresh = column[(long long)(base - 64 + row) * WORDS];
        if (any && threadIdx.x / 64 == 0 && base + row < total) diagonal = column[(long long)(base + row) * WORDS];
    }

    // Once it is known what of those before them is kept.
    __device__ __forceinline__ void tell(Selection &s) const {
        u64 removed = s.taken >> threadIdx.x % 64 & 1 ? fresh : 0;
#pragma unroll
        for (int k = 0; k < SLOTS; k++) removed |= kept[k];
        removed = any_of_warp(removed);
        if (threadIdx.x % 32 == 0) s.removed[threadIdx.x / 32] = removed;
        if (threadIdx.x < 64) s.diagonal[threadIdx.x] = diagonal;
    }
};

// The same for candidates behind the window, compared here and now.
__device__ __forceinline__ void compare_now(Selection &s, int count, const Ranked &ranked, float iou, int base,
                                            int total) {
    const int column = threadIdx.x % 64, half = column / 32, at = base + column;
    const bool present = at < total;
    const Box box = ranked.boxes[present ? at : base];
    const float box_area = area(box);
    const int label = ranked.labels[present ? at : base];
    auto hit_by = [&](int place) {
        const Box other = ranked.boxes[place];
        return ranked.labels[place] == label && suppresses(other, area(other), box, box_area, iou);
    };
    bool removed = false;
    for (int k = threadIdx.x / 64; k < count && !removed; k += SELECT_THREADS / 64) removed = hit_by(s.kept[k]);
    unsigned bits = __ballot_sync(ALL, removed && present);
    if (threadIdx.x % 32 == 0) s.removed[threadIdx.x / 32] = (u64)bits << 32 * half;
    for (int row = threadIdx.x / 64; row < least(total - base, 64); row += SELECT_THREADS / 64) {
        bits = __ballot_sync(ALL, present && column > row && hit_by(base + row));
        if (threadIdx.x % 32 == 0) reinterpret_cast<unsigned *>(s.diagonal + row)[half] = bits;
    }
}

// The first warp decides on 64 candidates. In turns, those that none of the others suppresses are kept, and what they
// suppress is removed; the first of those that are left is always kept.
__device__ __forceinline__ void keep(Selection &s, int count, int base, int total) {
    const int size = least(total - base, 64), lane = threadIdx.x;
    const u64 low = lane < size ? s.diagonal[lane] : 0, high = lane + 32 < size ? s.diagonal[lane + 32] : 0;
    auto suppressed_by = [&](u64 some) {
        return any_of_warp((some >> lane & 1 ? low : 0) | (some >> (lane + 32) & 1 ? high : 0));
    };
    u64 alive = ~any_of_warp(lane < WARPS ? s.removed[lane] : 0) & (size == 64 ? ~0ull : (1ull << size) - 1);
    u64 taken = 0;
    while (alive) {
        const u64 sure = alive & ~suppressed_by(alive);
        taken |= sure;
        alive &= ~sure;
        if (alive) alive &= ~suppressed_by(sure);
    }
    for (int row = lane; row < 64; row += 32) {
        int place = count + __popcll(taken & ((1ull << row) - 1));
        if (taken >> row & 1 && place < MAX_DET) s.kept[place] = base + row;
    }
    if (lane == 0) {
        s.count = least(count + __popcll(taken), MAX_DET);
        s.taken = taken;
    }
}

__device__ __forceinline__ float to_frame(float position, int spare, float gain, int length) {
    return most(least((position - (float)spare) / gain, (float)length), 0.0f);
}

// The share of edges among the neighbours that were looked at.
__device__ __forceinline__ float share_of_edges(const Parameters &p, const int *edge_counts) {
    __shared__ int edges;
    if (threadIdx.x == 0) edges = 0;
    __syncthreads();
    int mine = 0;
    for (int k = threadIdx.x; k < EDGE_COUNTS; k += SELECT_THREADS) mine += edge_counts[k];
    for (int step = 16; step; step /= 2) mine += __shfl_xor_sync(ALL, mine, step);
    if (threadIdx.x % 32 == 0 && mine) atomicAdd(&edges, mine);
    __syncthreads();
    return (float)edges / (float)most((p.width - 1) * ((p.height + 3) / 4), 1);
}

extern "C" __global__ void __launch_bounds__(SELECT_THREADS, 1)
zcc_select(const Parameters *parameters, int *found, const Box *boxes, const float *scores, const int *labels,
           const u64 *masks, const int *edge_counts, ResultHeader *header, Box *best_boxes, float *best_scores,
           int *best_labels) {
    __shared__ Selection s;
    wait_for_earlier();
    const Parameters p = *parameters;
    const Ranked ranked{const_cast<Box *>(boxes), const_cast<float *>(scores), const_cast<int *>(labels)};
    const int total = *found;
    if (threadIdx.x == 0) s.count = 0, s.taken = 0;
    const float edges = share_of_edges(p, edge_counts);
    int count = SUPPRESS ? 0 : least(total, MAX_DET);
    Ahead ahead;
    if (SUPPRESS) ahead.read(s, count, masks, 0, total);
    for (int base = 0; SUPPRESS && base < total && count < MAX_DET; base += 64) {
        if (base < WINDOW)
            ahead.tell(s);
        else
            compare_now(s, count, ranked, iou_of(p), base, total);
        __syncthreads();
        ahead.read(s, count, masks, base + 64, total);
        if (threadIdx.x < 32) keep(s, count, base, total);
        __syncthreads();
        count = s.count;
    }
    for (int k = threadIdx.x; k < count; k += SELECT_THREADS) {
        int place = SUPPRESS ? s.kept[k] : k;
        Box box = ranked.boxes[place];
        best_boxes[k] = {to_frame(box.x1, p.left, p.gain_across, p.cols), to_frame(box.y1, p.top, p.gain_down, p.rows),
                         to_frame(box.x2, p.left, p.gain_across, p.cols), to_frame(box.y2, p.top, p.gain_down, p.rows)};
        best_scores[k] = ranked.scores[place];
        best_labels[k] = ranked.labels[place];
    }
    if (threadIdx.x == 0) {
        *header = {count, edges, 0};
        *found = 0;  // for the next frame
    }
}
