// NVIDIA's driver for tests: its calls over the host's memory, kernels from libraries that g++ made (a "cubin" is the
// library's path, a line for each kernel with its number of arguments behind it). PRETENDED_FAILURES="cuMemAlloc_v2=2"
// makes calls fail; "cuGraphLaunch=700@3" the third of them.
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <sstream>
#include <string>
#include <vector>

typedef unsigned long long u64;
struct Function { void *code; void *launch; int arguments; };
struct Module { void *library; std::map<std::string, Function> functions; std::string path; };
struct KernelNode { Function *function; unsigned grid[3], block[3], shared; void **arguments; void **extra; };
struct Copy {
    size_t sx, sy, sz, slod; unsigned stype; const void *shost; u64 sdevice; void *sarray, *r0; size_t spitch, sheight;
    size_t tx, ty, tz, tlod; unsigned ttype; void *thost; u64 tdevice; void *tarray, *r1; size_t tpitch, theight;
    size_t width, height, depth;
};
struct RowsCopy {
    size_t sx, sy; unsigned stype; const void *shost; u64 sdevice; void *sarray; size_t spitch;
    size_t tx, ty; unsigned ttype; void *thost; u64 tdevice; void *tarray; size_t tpitch, width, height;
};
struct Node { bool kernel; KernelNode what; std::vector<u64> arguments; Copy copy; };
struct Graph { std::vector<Node *> nodes; };

static int version() { const char *told = getenv("PRETENDED_VERSION"); return told ? atoi(told) : 12090; }
static int count() { const char *told = getenv("PRETENDED_CARDS"); return told ? atoi(told) : 1; }
static int fails(const char *name) {
    static std::map<std::string, int> calls;
    const char *told = getenv("PRETENDED_FAILURES");
    int call = ++calls[name];
    if (!told) return 0;
    std::stringstream all(told);
    for (std::string one; getline(all, one, ',');) {
        auto equals = one.find('='), at = one.find('@');
        if (one.substr(0, equals) != name) continue;
        if (at == std::string::npos || atoi(one.c_str() + at + 1) == call) return atoi(one.c_str() + equals + 1);
    }
    return 0;
}
static void run(Function *function, const unsigned *grid, const unsigned *block, const u64 *arguments) {
    ((void (*)(void *, const unsigned *, const unsigned *, const u64 *, int))function->launch)(
        function->code, grid, block, arguments, function->arguments);
}
static std::vector<u64> taken(Function *function, void **arguments) {
    std::vector<u64> held;
    for (int k = 0; k < function->arguments; k++) held.push_back(*(u64 *)arguments[k]);
    return held;
}

#define CALL(name, ...)                                                                                               \
    int name(__VA_ARGS__) {                                                                                           \
        if (int status = fails(#name)) return status;
#define END                                                                                                           \
    return 0;                                                                                                         \
    }

extern "C" {
CALL(cuInit, unsigned) END
CALL(cuDriverGetVersion, int *out) *out = version(); END
int cuGetErrorName(int status, const char **out) { *out = status == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR"; return 0; }
CALL(cuDeviceGetCount, int *out) *out = count(); END
CALL(cuDeviceGet, int *out, int number) *out = number; END
CALL(cuDeviceGetName, char *out, int, int) strcpy(out, "Pretended"); END
CALL(cuDeviceGetAttribute, int *out, int which, int) 
    *out = which == 75 ? 9 : which == 97 ? 232448 : which == 18 && getenv("PRETENDED_INTEGRATED") ? 1 : 0;
END
CALL(cuDevicePrimaryCtxRetain, void **out, int) *out = (void *)1; END
CALL(cuCtxPushCurrent_v2, void *) END
CALL(cuCtxPopCurrent_v2, void **) END
CALL(cuModuleLoadData, void **out, const char *text)
    std::stringstream lines(text);
    Module *module = new Module();
    std::string name;
    int arguments;
    getline(lines, module->path);
    if (module->path == "of another card") return 209;
    module->library = dlopen(module->path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!module->library) return 200;
    while (lines >> name >> arguments)
        module->functions[name] = {dlsym(module->library, name.c_str()), dlsym(module->library, "launch_on_host"), arguments};
    *out = module;
END
CALL(cuModuleUnload, void *) END
CALL(cuModuleGetFunction, void **out, Module *module, const char *name)
    if (!module->functions.count(name)) return 500;
    *out = &module->functions[name];
END
CALL(cuFuncSetAttribute, void *, int, int) END
CALL(cuMemAlloc_v2, u64 *out, size_t size)
    void *memory = aligned_alloc(256, (size + 255) / 256 * 256);
    memset(memory, 0xA5, size);
    *out = (u64)memory;
END
CALL(cuMemFree_v2, u64 memory) free((void *)memory); END
CALL(cuMemGetInfo_v2, size_t *free, size_t *whole) *free = *whole = 1 << 30; END
CALL(cuMemHostAlloc, void **out, size_t size, unsigned) *out = aligned_alloc(256, (size + 255) / 256 * 256); END
CALL(cuMemFreeHost, void *memory) free(memory); END
CALL(cuMemHostGetDevicePointer_v2, u64 *out, void *memory, unsigned) *out = (u64)memory; END
CALL(cuPointerGetAttribute, int *out, int, u64 address)
    const char *told = getenv("PRETENDED_HOLDER");
    *out = told ? atoi(told) : 0;
END
CALL(cuMemsetD8_v2, u64 memory, unsigned char value, size_t size) memset((void *)memory, value, size); END
CALL(cuMemcpyHtoD_v2, u64 to, const void *from, size_t size) memcpy((void *)to, from, size); END
CALL(cuMemcpyDtoH_v2, void *to, u64 from, size_t size) memcpy(to, (void *)from, size); END
CALL(cuMemcpyHtoDAsync_v2, u64 to, const void *from, size_t size, void *) memcpy((void *)to, from, size); END
CALL(cuMemcpy2DAsync_v2, RowsCopy *copy, void *)
    for (size_t y = 0; y < copy->height; y++)
        memcpy((char *)copy->tdevice + y * copy->tpitch, (const char *)copy->shost + y * copy->spitch, copy->width);
END
CALL(cuStreamCreate, void **out, unsigned) *out = (void *)1; END
CALL(cuStreamDestroy_v2, void *) END
CALL(cuStreamSynchronize, void *) END
CALL(cuStreamWaitEvent, void *, void *, unsigned) END
CALL(cuEventCreate, void **out, unsigned) *out = (void *)1; END
CALL(cuEventDestroy_v2, void *) END
CALL(cuEventRecord, void *, void *) END
CALL(cuEventQuery, void *) END
CALL(cuEventSynchronize, void *) END
CALL(cuEventElapsedTime, float *out, void *, void *) *out = 0.5f; END
CALL(cuLaunchKernel, Function *function, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned f,
     unsigned, void *, void **arguments, void **)
    unsigned grid[3] = {a, b, c}, block[3] = {d, e, f};
    run(function, grid, block, taken(function, arguments).data());
END
CALL(cuGraphCreate, Graph **out, unsigned) *out = new Graph(); END
CALL(cuGraphDestroy, Graph *) END
CALL(cuGraphAddKernelNode, Node **out, Graph *graph, Node **, size_t, KernelNode *what)
    *out = new Node{true, *what, taken(what->function, what->arguments), {}};
    graph->nodes.push_back(*out);
END
CALL(cuGraphAddDependencies_v2, Graph *, Node **, Node **, void *, size_t) END
CALL(cuGraphAddMemcpyNode, Node **out, Graph *graph, Node **, size_t, Copy *copy, void *)
    *out = new Node{false, {}, {}, *copy};
    graph->nodes.push_back(*out);
END
CALL(cuGraphInstantiateWithFlags, Graph **out, Graph *graph, u64) *out = new Graph(*graph); END
CALL(cuGraphExecDestroy, Graph *) END
CALL(cuGraphUpload, Graph *, void *) END
CALL(cuGraphLaunch, Graph *graph, void *)
    for (Node *node : graph->nodes)
        if (node->kernel)
            run(node->what.function, node->what.grid, node->what.block, node->arguments.data());
        else
            memcpy(node->copy.ttype == 1 ? node->copy.thost : (void *)node->copy.tdevice,
                   node->copy.stype == 1 ? node->copy.shost : (void *)node->copy.sdevice, node->copy.width);
END
}
