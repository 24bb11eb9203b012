// From a camera frame to the network's input: letterbox, colour and scale in one pass, and the edges counted on the way.
// The arithmetic is OpenCV's INTER_LINEAR on uint8 and its cvtColor, in the same steps as resample.py and yuv.py of
// compiler/backends/cpu/frame. A thread makes one column of ROWS rows.
#include "blocks.cuh"
#include "elements.cuh"
#include "config.cuh"  // HEIGHT, WIDTH, ROW_PITCH, ROWS, COLUMNS, SCALE, Element

constexpr int PAD_GREY = 114, ONE = 1 << 11;
constexpr int EDGE_STEP = 24, EDGE_ROWS = 4;
constexpr int YUV_HALF = 1 << 19;
constexpr int LIGHT = 1220542, RED_OF_V = 1673527, BLUE_OF_U = 2116026, GREEN_OF_U = -409993, GREEN_OF_V = -852492;

struct Colour { int red, green, blue; };

__device__ __forceinline__ int clamped(int value, int low, int high) { return most(least(value, high), low); }

__device__ __forceinline__ Colour of_yuv(int brightness, int u, int v) {
    int light = most(brightness - 16, 0) * LIGHT + YUV_HALF;
    u -= 128;
    v -= 128;
    return {clamped((light + v * RED_OF_V) >> 20, 0, 255),
            clamped((light + u * GREEN_OF_U + v * GREEN_OF_V) >> 20, 0, 255),
            clamped((light + u * BLUE_OF_U) >> 20, 0, 255)};
}

enum Format { BGR, RGB, NV12, I420, GRAY };

// A row of the frame, in each of its planes.
template <Format format> struct Row {
    const u8 *luma, *u, *v;

    __device__ Row(const Parameters &p, int y) {
        luma = p.plane[0] + (long long)y * p.pitch[0];
        u = format == NV12 || format == I420 ? p.plane[1] + (long long)(y >> 1) * p.pitch[1] : nullptr;
        v = format == I420 ? p.plane[2] + (long long)(y >> 1) * p.pitch[2] : nullptr;
    }

    __device__ __forceinline__ Colour at(int x) const {
        if (format == BGR) return {luma[3 * x + 2], luma[3 * x + 1], luma[3 * x]};
        if (format == RGB) return {luma[3 * x], luma[3 * x + 1], luma[3 * x + 2]};
        if (format == GRAY) return {luma[x], luma[x], luma[x]};
        int pair = x >> 1;
        return format == NV12 ? of_yuv(luma[x], u[2 * pair], u[2 * pair + 1]) : of_yuv(luma[x], u[pair], v[pair]);
    }
};

// Where an output pixel's centre falls in the frame, rounded as OpenCV rounds it.
__device__ __forceinline__ float source(int position, double scale) { return (float)((position + 0.5) * scale - 0.5); }

__device__ __forceinline__ int weight_of(float fraction) { return __float2int_rn(fraction * 2048.0f); }

__device__ __forceinline__ int across(int near, int far, int weight) {
    return (near * ONE + (far - near) * weight) >> 4;
}

__device__ __forceinline__ int down(int upper, int lower, int weight) {
    return ((upper * (ONE - weight) >> 16) + (lower * weight >> 16) + 2) >> 2;
}

// The frame pixels that an output column is blended from.
struct Column {
    int near, far, weight;

    __device__ Column(const Parameters &p, int x) {
        float position = source(clamped(x - p.left, 0, p.width - 1), p.scale_across);
        near = clamped((int)floorf(position), 0, most(p.cols - 2, 0));
        far = least(near + 1, p.cols - 1);
        weight = weight_of(most(least(position - (float)near, 1.0f), 0.0f));
    }
};

template <Format format> __device__ __forceinline__ Colour blend(const Row<format> &row, const Column &column) {
    Colour near = row.at(column.near), far = row.at(column.far);
    return {across(near.red, far.red, column.weight), across(near.green, far.green, column.weight),
            across(near.blue, far.blue, column.weight)};
}

template <Format format> __device__ __forceinline__ Colour pixel(const Parameters &p, const Column &column, int y) {
    float position = source(y - p.top, p.scale_down);
    int above = (int)floorf(position), weight = weight_of(position - floorf(position));
    Row<format> first(p, clamped(above, 0, p.rows - 1)), second(p, clamped(above + 1, 0, p.rows - 1));
    Colour upper = blend(first, column), lower = blend(second, column);
    return {down(upper.red, lower.red, weight), down(upper.green, lower.green, weight),
            down(upper.blue, lower.blue, weight)};
}

__device__ __forceinline__ void store(Element *image, int y, int x, const Colour &colour) {
    Four<Element> pixel;
    from_float((float)colour.red * SCALE, pixel.value[0]);
    from_float((float)colour.green * SCALE, pixel.value[1]);
    from_float((float)colour.blue * SCALE, pixel.value[2]);
    from_float(0.0f, pixel.value[3]);
    Four<Element> *place = reinterpret_cast<Four<Element> *>(image + CHANNELS * ((long long)y * ROW_PITCH + x));
    *place = pixel;
    for (int i = 0; i < 4; i++) pixel.value[i] = pixel.value[3];
    for (int i = 1; i < CHANNELS / 4; i++) place[i] = pixel;
}

// Makes a thread's pixels; returns how many edges its warp has found.
template <Format format> __device__ __forceinline__ int make(const Parameters &p, Element *image, int x, int first) {
    bool inside = x < WIDTH, picture = inside && x >= p.left && x < p.left + p.width;
    bool alone = (threadIdx.x & 31) == 0;  // no lane before it knows its neighbour
    Column column(p, x);
    Colour made[ROWS];
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        int y = first + i;
        made[i] = {PAD_GREY, PAD_GREY, PAD_GREY};
        if (picture && y >= p.top && y < p.top + p.height) made[i] = pixel<format>(p, column, y);
    }
    int edges = 0;
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        int y = first + i;
        if (inside && y < HEIGHT) store(image, y, x, made[i]);
        if (y >= p.top && y < p.top + p.height && (y - p.top) % EDGE_ROWS == 0) {
            bool pair = picture && x > p.left;
            int before = __shfl_up_sync(0xffffffffu, made[i].green, 1);
            if (alone && pair) before = pixel<format>(p, Column(p, x - 1), y).green;
            bool edge = pair && (unsigned)(made[i].green - before + EDGE_STEP) > 2u * EDGE_STEP;
            edges += __popc(__ballot_sync(0xffffffffu, edge));
        }
    }
    return edges;
}

extern "C" __global__ void __launch_bounds__(COLUMNS)
zcc_preprocess(const Parameters *parameters, Element *image, int *edge_counts) {
    const Parameters p = *parameters;
    int x = blockIdx.x * COLUMNS + threadIdx.x, first = blockIdx.y * ROWS, edges = 0;
    switch (p.format) {
    case BGR: edges = make<BGR>(p, image, x, first); break;
    case RGB: edges = make<RGB>(p, image, x, first); break;
    case NV12: edges = make<NV12>(p, image, x, first); break;
    case I420: edges = make<I420>(p, image, x, first); break;
    case GRAY: edges = make<GRAY>(p, image, x, first); break;
    }
    if ((threadIdx.x & 31) == 0)
        edge_counts[((blockIdx.y * gridDim.x + blockIdx.x) * COLUMNS + threadIdx.x) / 32] = edges;
}
