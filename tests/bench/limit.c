/* SPDX-License-Identifier: MIT */
/* What one core's arithmetic allows: multiply-adds on registers alone, the best of a few short runs.
 * usage: limit; prints one line of JSON, billions of operations a second in f32 and in bf16; 0: not known here. */
#include "la/la.h"

int main(void)
{
	printf("{\"f32\": %.0f, \"bf16\": %.0f}\n", ser_la_limit(SER_LA_FULL) / 1e9, ser_la_limit(SER_LA_BF16) / 1e9);
	return 0;
}
