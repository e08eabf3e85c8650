/* SPDX-License-Identifier: MIT */
/* Loops for each width of vector registers that the machine may have. Define LOOPS as the header that holds them, then include
 * this: it includes that header once for each width, with
 *   W        lanes of single precision (4, 8, 16)
 *   NAME(x)  the functions' names
 *   TARGET   the functions' attribute: which instructions the compiler may use;
 * the header undefines these at its end. Internal to dsp. */
#ifndef SER_DSP_WIDTHS_H
#define SER_DSP_WIDTHS_H

#include <stddef.h>

#define W       4
#define NAME(x) x##_w4
#define TARGET
#include LOOPS

#if defined __x86_64__
#define W       8
#define NAME(x) x##_w8
#define TARGET  __attribute__((target("avx2")))
#include LOOPS

#define W       16
#define NAME(x) x##_w16
#define TARGET  __attribute__((target("avx512f,avx512dq")))
#include LOOPS
#endif

/* The loops' function x for width w. */
#if defined __x86_64__
#define OF_WIDTH(w, x) ((w) == 16 ? x##_w16 : (w) == 8 ? x##_w8 : x##_w4)
#else
#define OF_WIDTH(w, x) ((void)(w), x##_w4)
#endif

/* The width for isa, as ser_front_force_isa() has it. */
static inline size_t width_for(int isa)
{
#if defined __x86_64__
	if ((isa == 0 || isa == 3) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
		return 16;
	if (isa != 1 && __builtin_cpu_supports("avx2"))
		return 8;
#endif
	(void)isa;
	return 4;
}

#endif
