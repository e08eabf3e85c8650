/* SPDX-License-Identifier: MIT */
/* The plug-in that ser-plot loads for PDF and PNG: librsvg draws with cairo. */
#include "plot/plugin.h"

#include <cairo-pdf.h>
#include <librsvg/rsvg.h>
#include <stdio.h>

struct sink {
	void (*add)(void *to, const void *p, size_t n);
	void *to;
};

static cairo_status_t take(void *sink, const unsigned char *p, unsigned n)
{
	const struct sink *s = sink;
	s->add(s->to, p, n);
	return CAIRO_STATUS_SUCCESS;
}

static int convert(const char *svg, size_t n, int pdf, double scale, const char *metadata,
		   void (*add)(void *to, const void *p, size_t n), void *to, char why[256])
{
	struct sink sink = {add, to};
	GError *error = NULL;
	double w, h;
	RsvgHandle *in = rsvg_handle_new_from_data((const guint8 *)svg, n, &error);
	if (in == NULL || !rsvg_handle_get_intrinsic_size_in_pixels(in, &w, &h)) {
		snprintf(why, 256, "%s", error != NULL ? error->message : "it has no size");
		g_clear_error(&error);
		if (in != NULL)
			g_object_unref(in);
		return -1;
	}
	const double unit = pdf ? 72.0 / 96 : scale; /* points of 1/72 inch; pixels */
	cairo_surface_t *s = pdf ? cairo_pdf_surface_create_for_stream(take, &sink, w * unit, h * unit)
				 : cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(w * unit), (int)(h * unit));
	if (pdf) { /* without a date, so that equal pictures are equal bytes */
		cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATE_DATE, "none");
		cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_KEYWORDS, metadata);
	}
	cairo_t *c = cairo_create(s);
	cairo_scale(c, unit, unit);
	cairo_set_source_rgb(c, 1, 1, 1);
	cairo_paint(c);
	int ok = rsvg_handle_render_document(in, c, &(RsvgRectangle){0, 0, w, h}, &error);
	cairo_status_t status = cairo_status(c);
	cairo_destroy(c);
	if (ok && status == CAIRO_STATUS_SUCCESS && !pdf)
		status = cairo_surface_write_to_png_stream(s, take, &sink);
	cairo_surface_finish(s);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(s);
	cairo_surface_destroy(s);
	g_object_unref(in);
	if (ok && status == CAIRO_STATUS_SUCCESS)
		return 0;
	snprintf(why, 256, "%s", error != NULL ? error->message : cairo_status_to_string(status));
	g_clear_error(&error);
	return -1;
}

extern const struct ser_plot_plugin ser_plot_plugin_1;
const struct ser_plot_plugin ser_plot_plugin_1 = {convert};
