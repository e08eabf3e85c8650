/* SPDX-License-Identifier: MIT */
/* Between convert.c and the plug-in. */
#ifndef SER_PLOT_PLUGIN_H
#define SER_PLOT_PLUGIN_H

#include <stddef.h>

#define SER_PLOT_PLUGIN      "rsvg.so"
#define SER_PLOT_PLUGIN_NAME "ser_plot_plugin_1" /* of its struct; the number changes with the struct */

struct ser_plot_plugin {
	/* The SVG's n bytes as PDF, or as PNG with `scale` pixels for one of its own, to add(to, ...), which never fails; metadata, with
	 * NUL at its end, into what of PDF is for it. 0, or -1 and what is wrong. */
	int (*convert)(const char *svg, size_t n, int pdf, double scale, const char *metadata,
		       void (*add)(void *to, const void *p, size_t n), void *to, char why[256]);
};

#endif
