/* SPDX-License-Identifier: MIT */
#include "plot/plot.h"
#include "plot/plugin.h"

const char *const ser_plot_formats[] = {"svg", "pdf", "png", NULL};

int ser_plot_converter(const struct ser_plot_plugin **p, struct ser_err *e)
{
	*p = ser_plugin(SER_PLOT_PLUGIN, SER_PLOT_PLUGIN_NAME, false, e);
	return *p != NULL ? 0 : ser_fail_in(e, "built without librsvg, which PDF and PNG need");
}

static void add(void *to, const void *p, size_t n)
{
	ser_buf_add(to, p, n);
}

int ser_plot_convert(const struct ser_plot_plugin *p, enum ser_plot_format format, const char *metadata,
		     struct ser_buf *picture, struct ser_err *e)
{
	struct ser_buf out = {0};
	char why[256];
	if (p->convert(picture->s, picture->n, format == SER_PLOT_PDF, SER_PLOT_PNG_SCALE,
		       metadata != NULL ? metadata : "", add, &out, why) != 0) {
		ser_buf_free(&out);
		return ser_fail(e, SER_EDATA, "cannot make %s of the picture: %s", ser_plot_formats[format], why);
	}
	ser_buf_free(picture);
	*picture = out;
	return 0;
}
