/* SPDX-License-Identifier: MIT */
#include "plot/svg.h"

#include <math.h>
#include <string.h>

/* Okabe and Ito's eight, yellow last but one for it is weak on white. */
const char *const ser_svg_hue[SER_SVG_HUES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
					       "#e69f00", "#56b4e9", "#f0e442", "#555555"};
const char *const ser_svg_edge[SER_SVG_HUES] = {"#004064", "#7c3600", "#005a41", "#7f3f62",
						"#855b00", "#1f6a96", "#857d00", "#222222"};
const char *const ser_svg_dash[SER_SVG_HUES] = {"none",    "7 3",      "2 2", "9 3 2 3",
						"4 2 1 2", "12 3 4 3", "1 3", "6 2 1 2 1 2"};

/* Hatches in white over the colour: none, rising, falling, upright, level, crossed, dots, wide rising. */
static const char *const hatches[SER_SVG_HUES] = {
	"",       "M-1 7L7 -1M-1 1L1 -1M5 7L7 5", "M-1 -1L7 7M5 -1L7 1M-1 5L1 7", "M3 0V6", "M0 3H6", "M0 3H6M3 0V6",
	"M2 3H4", "M-1 7L7 -1M-1 -1L7 7",
};

void ser_svg_num(struct ser_buf *b, double x)
{
	char s[64];
	ser_assert(isfinite(x) && fabs(x) < 1e12);
	int n = snprintf(s, sizeof s, "%.2f", x);
	while (s[n - 1] == '0')
		n--;
	if (s[n - 1] == '.')
		n--;
	if (n == 2 && s[0] == '-' && s[1] == '0')
		ser_buf_str(b, "0");
	else
		ser_buf_add(b, s, (size_t)n);
}

/* Bytes of the well-formed UTF-8 character at s, 0 when there is none. */
static size_t character(const char *s)
{
	unsigned char c = (unsigned char)*s;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	return ser_utf8_ok(s, n) ? n : 0;
}

void ser_svg_escape(struct ser_buf *b, const char *s)
{
	static const char other[] = "\xef\xbf\xbd";
	while (*s != '\0') {
		size_t n = character(s);
		unsigned char c = (unsigned char)*s;
		bool bad = n == 0 || (c < 0x20 && c != '\n' && c != '\t') ||
			   (n == 3 && memcmp(s, "\xef\xbf", 2) == 0 && (unsigned char)s[2] >= 0xbe);
		const char *entity = c == '&'   ? "&amp;"
				     : c == '<' ? "&lt;"
				     : c == '>' ? "&gt;"
				     : c == '"' ? "&quot;"
						: NULL;
		if (bad)
			ser_buf_str(b, other);
		else if (entity != NULL)
			ser_buf_str(b, entity);
		else
			ser_buf_add(b, s, n);
		s += n > 0 ? n : 1;
	}
}

void ser_svg_begin(struct ser_buf *b, double width, double height, const char *title, const char *metadata)
{
	ser_buf_str(b,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"");
	ser_svg_num(b, width);
	ser_buf_str(b, "\" height=\"");
	ser_svg_num(b, height);
	ser_buf_str(b, "\" viewBox=\"0 0 ");
	ser_svg_num(b, width);
	ser_buf_str(b, " ");
	ser_svg_num(b, height);
	ser_buf_str(b, "\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">\n");
	if (title != NULL && *title != '\0') {
		ser_buf_str(b, "<title>");
		ser_svg_escape(b, title);
		ser_buf_str(b, "</title>\n");
	}
	if (metadata != NULL && *metadata != '\0') {
		ser_buf_str(b, "<metadata>");
		ser_svg_escape(b, metadata);
		ser_buf_str(b, "</metadata>\n");
	}
	ser_buf_str(b, "<style>\n");
	for (int i = 0; i < SER_SVG_HUES; i++)
		ser_buf_printf(b, ".ser-k%d{fill:%s;stroke:%s}\n", i, ser_svg_hue[i], ser_svg_edge[i]);
	ser_buf_str(b, "</style>\n<defs>\n");
	for (int i = 1; i < SER_SVG_HUES; i++)
		ser_buf_printf(b,
			       "<pattern id=\"ser-h%d\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
			       "<path d=\"%s\" fill=\"none\" stroke=\"#fff\" stroke-width=\"%s\"/></pattern>\n",
			       i, hatches[i], i == 6 ? "2" : "1.2");
	ser_buf_str(b, "</defs>\n");
	ser_svg_rect(b, 0, 0, width, height, "fill=\"#fff\"");
}

void ser_svg_end(struct ser_buf *b)
{
	ser_buf_str(b, "</svg>\n");
}

static void attribute(struct ser_buf *b, const char *name, double x)
{
	ser_buf_printf(b, " %s=\"", name);
	ser_svg_num(b, x);
	ser_buf_str(b, "\"");
}

void ser_svg_line(struct ser_buf *b, double x0, double y0, double x1, double y1, const char *attr)
{
	ser_buf_str(b, "<line");
	attribute(b, "x1", x0);
	attribute(b, "y1", y0);
	attribute(b, "x2", x1);
	attribute(b, "y2", y1);
	ser_buf_printf(b, " %s/>\n", attr);
}

void ser_svg_rect(struct ser_buf *b, double x, double y, double w, double h, const char *attr)
{
	ser_buf_str(b, "<rect");
	attribute(b, "x", x);
	attribute(b, "y", y);
	attribute(b, "width", w > 0 ? w : 0);
	attribute(b, "height", h > 0 ? h : 0);
	ser_buf_printf(b, " %s/>\n", attr);
}

void ser_svg_poly(struct ser_buf *b, size_t n, const double *x, const double *y, bool closed, const char *attr)
{
	ser_buf_printf(b, "<%s points=\"", closed ? "polygon" : "polyline");
	for (size_t i = 0; i < n; i++) {
		ser_buf_str(b, i > 0 ? " " : "");
		ser_svg_num(b, x[i]);
		ser_buf_str(b, ",");
		ser_svg_num(b, y[i]);
	}
	ser_buf_printf(b, "\" %s/>\n", attr);
}

/* Outlines in units of the radius, of about equal area: x,y pairs; the circle is no polygon. */
static const double corners[SER_SVG_HUES][24] = {
	{0},
	{-.82, -.82, .82, -.82, .82, .82, -.82, .82}, /* square */
	{0, -1.15, 1.05, .75, -1.05, .75},            /* triangle */
	{0, -1.2, 1, 0, 0, 1.2, -1, 0},               /* diamond */
	{0, 1.15, 1.05, -.75, -1.05, -.75},           /* triangle, point down */
	{-.38, -1.1, .38,  -1.1, .38,  -.38, 1.1,  -.38, 1.1,  .38,  .38,  .38,
	 .38,  1.1,  -.38, 1.1,  -.38, .38,  -1.1, .38,  -1.1, -.38, -.38, -.38}, /* plus */
	{0, -1.3, .33,  -.42, 1.24, -.4, .52,   .17, .76,  1.05,
	 0, .54,  -.76, 1.05, -.52, .17, -1.24, -.4, -.33, -.42}, /* star */
	{-.54, -1.04, 0, -.5, .54,  -1.04, 1.04,  -.54, .5,  0, 1.04,  .54,
	 .54,  1.04,  0, .5,  -.54, 1.04,  -1.04, .54,  -.5, 0, -1.04, -.54}, /* cross */
};
static const size_t n_corner[SER_SVG_HUES] = {0, 4, 3, 4, 3, 12, 10, 12};

void ser_svg_marker(struct ser_buf *b, size_t hue, size_t shape, double x, double y, double r, const char *tip)
{
	const double *p = corners[shape % SER_SVG_HUES];
	size_t n = n_corner[shape % SER_SVG_HUES];
	if (n == 0) {
		ser_buf_str(b, "<circle");
		attribute(b, "cx", x);
		attribute(b, "cy", y);
		attribute(b, "r", r);
	} else {
		ser_buf_str(b, "<path d=\"");
		for (size_t i = 0; i < n; i++) {
			ser_buf_str(b, i == 0 ? "M" : "L");
			ser_svg_num(b, x + r * p[2 * i]);
			ser_buf_str(b, " ");
			ser_svg_num(b, y + r * p[2 * i + 1]);
		}
		ser_buf_str(b, "Z\"");
	}
	ser_buf_printf(b, " class=\"ser-k%zu\"", hue % SER_SVG_HUES);
	if (tip == NULL) {
		ser_buf_str(b, "/>\n");
		return;
	}
	ser_buf_str(b, "><title>");
	ser_svg_escape(b, tip);
	ser_buf_printf(b, "</title></%s>\n", n == 0 ? "circle" : "path");
}

void ser_svg_text(struct ser_buf *b, double x, double y, double size, enum ser_svg_anchor anchor, double turn,
		  const char *attr, const char *text)
{
	static const char *const anchors[] = {"start", "middle", "end"};
	ser_buf_str(b, "<text");
	attribute(b, "x", x);
	attribute(b, "y", y);
	attribute(b, "font-size", size);
	if (anchor != SER_SVG_START)
		ser_buf_printf(b, " text-anchor=\"%s\"", anchors[anchor]);
	if (turn != 0) {
		ser_buf_str(b, " transform=\"rotate(");
		ser_svg_num(b, turn);
		ser_buf_str(b, " ");
		ser_svg_num(b, x);
		ser_buf_str(b, " ");
		ser_svg_num(b, y);
		ser_buf_str(b, ")\"");
	}
	ser_buf_printf(b, "%s%s>", *attr != '\0' ? " " : "", attr);
	ser_svg_escape(b, text);
	ser_buf_str(b, "</text>\n");
}

/* Thousandths of the size, from the space to the tilde. */
static const short advance[] = {318,  401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337,
				636,  636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531,
				1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
				603,  787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500,
				500,  613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612,
				635,  635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838};

/* Width of one character. Beyond ASCII: letters of most scripts are below 700, those of East Asia are square. */
static double advance_of(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;
	if (n == 1)
		return c >= ' ' && c <= '~' ? advance[c - ' '] : 600;
	return n == 2 ? 700 : 1000;
}

double ser_svg_width(const char *text, double size)
{
	double w = 0;
	for (size_t n; *text != '\0'; text += n > 0 ? n : 1) {
		n = character(text);
		w += advance_of(text, n);
	}
	return w * size / 1000;
}

void ser_svg_fit(struct ser_buf *b, const char *text, double size, double width)
{
	double w = 0, all = ser_svg_width(text, size);
	const char *s = text;
	if (all > width)
		width -= size; /* the ellipsis */
	while (*s != '\0') {
		size_t n = character(s);
		w += advance_of(s, n) * size / 1000;
		if (w > width && all > width)
			break;
		s += n > 0 ? n : 1;
	}
	while (*s != '\0' && s > text && s[-1] == ' ')
		s--;
	ser_buf_add(b, text, (size_t)(s - text));
	ser_buf_str(b, *s != '\0' ? "\xe2\x80\xa6" : "");
}

struct ser_svg_scale ser_svg_scale(double lo, double hi, int want)
{
	static const double nice[] = {1, 2, 2.5, 5, 10};
	struct ser_svg_scale s = {0};
	ser_assert(isfinite(lo) && isfinite(hi) && lo <= hi && want > 0);
	if (hi - lo <= 1e-9 * fmax(fabs(lo), fabs(hi)) || hi == lo) { /* nothing varies: some room around it */
		double room = fmax(fabs(lo) * 0.1, lo == 0 ? 1 : 1e-12);
		lo -= room;
		hi += room;
	}
	double raw = hi / want - lo / want, power = pow(10, floor(log10(raw)));
	for (int i = 0; i < 5; i++) {
		s.step = nice[i] * power;
		if (s.step >= raw * (1 - 1e-9))
			break;
	}
	s.lo = floor(lo / s.step + 1e-9) * s.step;
	s.hi = ceil(hi / s.step - 1e-9) * s.step;
	s.n = (int)lround((s.hi - s.lo) / s.step) + 1;
	while (s.decimals < 12 && fabs(s.step * pow(10, s.decimals) - round(s.step * pow(10, s.decimals))) > 1e-6)
		s.decimals++;
	return s;
}

double ser_svg_tick(const struct ser_svg_scale *s, int i)
{
	double x = s->lo + i * s->step;
	return fabs(x) < s->step * 1e-6 ? 0 : x;
}

void ser_svg_tick_text(struct ser_buf *b, const struct ser_svg_scale *s, int i)
{
	double x = ser_svg_tick(s, i), most = fmax(fabs(s->lo), fabs(s->hi));
	char text[64];
	if (most >= 1e7 || most < 1e-4)
		snprintf(text, sizeof text, "%.4g", x);
	else
		snprintf(text, sizeof text, "%.*f", s->decimals, x);
	for (const char *c = text; *c != '\0'; c++) /* a minus as long as a plus */
		ser_buf_str(b, *c == '-' && (c == text) ? "\xe2\x88\x92" : (char[]){*c, '\0'});
}
