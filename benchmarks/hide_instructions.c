/* Preloaded into a process, it answers the CPUID instruction without AVX-512, AMX and byte dot products, or without all
 * of AVX. Libraries that choose their kernels by CPUID, every one does, then run as on a lesser processor.
 *
 * Linux can make CPUID fault (arch_prctl, ARCH_SET_CPUID) where the processor or the hypervisor offers it. The handler
 * below runs the instruction itself and takes bits away. A process that cannot be held this way ends at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

struct registers { uint32_t a, b, c, d; };

/* What leaf 1, and the first two parts of leaf 7, say of what AVX2 does not include. */
static const struct registers BEYOND_AVX2[2] = {
    {.b = 1u << 16 | 1u << 17 | 1u << 21 | 7u << 26 | 3u << 30,
     .c = 1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14,
     .d = 3u << 2 | 1u << 8 | 15u << 22},
    {.a = 3u << 4 | 1u << 21 | 1u << 23, .d = 3u << 4 | 1u << 8 | 1u << 10 | 1u << 19},
};
#ifdef WITHOUT_AVX
static const uint32_t AVX_IN_LEAF_1 = 1u << 12 | 1u << 28 | 1u << 29; /* fma, avx, f16c */
static const uint32_t AVX2_IN_LEAF_7 = 1u << 5;
#else
static const uint32_t AVX_IN_LEAF_1 = 0, AVX2_IN_LEAF_7 = 0;
#endif

static struct sigaction others; /* what everybody else wants done about faults that are none of ours */

/* Whoever asks for this signal later gets what we let through: what we hide would be found otherwise. */
int sigaction(int signal, const struct sigaction *wish, struct sigaction *was) {
    int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");
    if (signal != SIGSEGV) return real(signal, wish, was);
    if (was) *was = others;
    if (wish) others = *wish;
    return 0;
}

sighandler_t signal(int signal, sighandler_t wish) {
    struct sigaction new = {.sa_handler = wish, .sa_flags = SA_RESTART}, was;
    return sigaction(signal, &new, &was) ? SIG_ERR : was.sa_handler;
}

static void ours_on_fault(struct sigaction *act) {
    int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");
    real(SIGSEGV, act, 0);
}

static void fault_on_cpuid(int yes) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, !yes); }

static struct registers ask(uint32_t leaf, uint32_t part) {
    struct registers is;
    fault_on_cpuid(0);
    __asm__ volatile("cpuid" : "=a"(is.a), "=b"(is.b), "=c"(is.c), "=d"(is.d) : "0"(leaf), "2"(part));
    fault_on_cpuid(1);
    return is;
}

static struct registers told(uint32_t leaf, uint32_t part) {
    struct registers is = ask(leaf, part);
    if (leaf == 1) is.c &= ~AVX_IN_LEAF_1;
    if (leaf == 7 && part < 2) {
        const struct registers *not = &BEYOND_AVX2[part];
        is.a &= ~not->a, is.b &= ~not->b, is.c &= ~not->c, is.d &= ~not->d;
        if (part == 0) is.b &= ~AVX2_IN_LEAF_7;
    }
    return is;
}

static void on_fault(int number, siginfo_t *info, void *context) {
    greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)at[REG_RIP];
    if (code[0] != 0x0f || code[1] != 0xa2) { /* a real fault comes again, to the others */
        ours_on_fault(&others);
        return;
    }
    struct registers is = told(at[REG_RAX], at[REG_RCX]);
    at[REG_RAX] = is.a, at[REG_RBX] = is.b, at[REG_RCX] = is.c, at[REG_RDX] = is.d;
    at[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    ours_on_fault(&ours);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) _exit(77);
}
