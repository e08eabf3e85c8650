/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>

enum { GAP = 8, BELOW = 22 };

/* The plane that all faces lie in, and how large a unit of it is */
struct plane {
	double x0, y0, w, h, unit, cell;
};

static struct plane plane_of(const struct ser_plot_faces *d, double width, double high)
{
	double x1 = -INFINITY, y1 = -INFINITY;
	struct plane p = {.x0 = INFINITY, .y0 = INFINITY, .cell = width / (double)d->n_moment};
	for (size_t i = 0; i < d->n_series * d->n_moment * d->n_point; i++) {
		p.x0 = fmin(p.x0, d->xy[2 * i]);
		p.y0 = fmin(p.y0, d->xy[2 * i + 1]);
		x1 = fmax(x1, d->xy[2 * i]);
		y1 = fmax(y1, d->xy[2 * i + 1]);
	}
	p.w = x1 - p.x0;
	p.h = y1 - p.y0;
	double room = fmax(p.cell - GAP, 10);
	p.unit = fmin(p.w > 0 ? room / p.w : INFINITY, p.h > 0 ? high / p.h : INFINITY);
	p.unit = isfinite(p.unit) ? p.unit : 1;
	return p;
}

double ser_plot_faces_height(const struct ser_plot_faces *d, double width, double high)
{
	struct plane p = plane_of(d, width, high);
	return p.h * p.unit + BELOW + GAP;
}

static void draw_face(struct ser_buf *b, const struct ser_plot_faces *d, const struct plane *p, const double *xy,
		      size_t series, double x, double y)
{
	char attr[160];
	snprintf(attr, sizeof attr, "stroke=\"%s\" stroke-width=\"1.2\" stroke-dasharray=\"%s\"",
		 ser_svg_hue[series % SER_SVG_HUES], ser_svg_dash[series % SER_SVG_HUES]);
	for (size_t i = 0; i < d->n_join; i++) {
		const double *from = xy + 2 * d->join[i][0], *to = xy + 2 * d->join[i][1];
		ser_svg_line(b, x + from[0] * p->unit, y + from[1] * p->unit, x + to[0] * p->unit, y + to[1] * p->unit,
			     attr);
	}
	for (size_t i = 0; i < d->n_point; i++)
		ser_svg_marker(b, series, series, x + xy[2 * i] * p->unit, y + xy[2 * i + 1] * p->unit, 1.3, NULL);
}

void ser_plot_faces(struct ser_buf *b, const struct ser_plot_faces *d, double x, double y, double width, double high)
{
	struct plane p = plane_of(d, width, high);
	for (size_t m = 0; m < d->n_moment; m++) {
		double middle = x + ((double)m + 0.5) * p.cell;
		for (size_t s = 0; s < d->n_series; s++)
			draw_face(b, d, &p, d->xy + 2 * (s * d->n_moment + m) * d->n_point, s,
				  middle - (p.x0 + p.w / 2) * p.unit, y - p.y0 * p.unit);
		ser_svg_text(b, middle, y + p.h * p.unit + BELOW - 6, SMALL, SER_SVG_MIDDLE, 0, FAINT, d->moment[m]);
	}
}
