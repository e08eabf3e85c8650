/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <pthread.h>

static struct ser_cpu cpu; /* const once it is known */

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The processor has tiles, and the kernel lets this process use them. */
static bool tiles(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 22 & 1) == 0 || (d >> 24 & 1) == 0)
		return false;
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
	return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static void ask(void)
{
	unsigned a, b, c, d;
	cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
	cpu.avx512_bf16 = cpu.avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) != 0;
	cpu.amx_bf16 = cpu.avx512_bf16 && tiles();
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static void ask(void)
{
	cpu.bf16_mmla = (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
}
#else
static void ask(void)
{
}
#endif

const struct ser_cpu *ser_cpu(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, ask);
	return &cpu;
}
