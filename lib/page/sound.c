/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "dsp/dsp.h"
#include "page/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 16000, MOST_S = 10 };

/* The samples of an utterance at RATE, at most MOST_S seconds: malloc'ed. */
static int load(const struct ser_page *p, const struct item *it, float **x, size_t *n, struct ser_err *e)
{
	struct ser_audio_opt o;
	struct ser_audio *a;
	struct ser_buf path = {0};
	ser_audio_opt_init(&o);
	o.rate_hz = RATE;
	o.start_s = it->start_s;
	o.end_s = isfinite(it->end_s) ? it->end_s : 0;
	*n = 0;
	int rc = ser_root_path(&p->o.root, it->path, &path, e);
	if (rc == SER_OK)
		rc = ser_audio_open(&a, path.s, &o, e);
	ser_buf_free(&path);
	if (rc != SER_OK)
		return rc;
	*x = ser_malloc((size_t)RATE * MOST_S, sizeof **x);
	ptrdiff_t got = ser_audio_read(a, *x, (size_t)RATE * MOST_S, e);
	ser_audio_free(a);
	if (got <= 0) {
		free(*x);
		return got < 0 ? (int)got : ser_fail(e, SER_EDATA, "%s: has no samples", it->path);
	}
	*n = (size_t)got;
	return SER_OK;
}

static void le(struct ser_buf *b, uint32_t v, int n)
{
	for (int i = 0; i < n; i++)
		ser_buf_add(b, &(char){(char)(v >> (8 * i) & 255)}, 1);
}

/* WAV of 16 bits. */
static void wav(struct ser_buf *b, const float *x, size_t n)
{
	ser_buf_str(b, "RIFF");
	le(b, (uint32_t)(36 + 2 * n), 4);
	ser_buf_str(b, "WAVEfmt ");
	le(b, 16, 4);
	le(b, 1, 2);
	le(b, 1, 2);
	le(b, RATE, 4);
	le(b, RATE * 2, 4);
	le(b, 2, 2);
	le(b, 16, 2);
	ser_buf_str(b, "data");
	le(b, (uint32_t)(2 * n), 4);
	for (size_t i = 0; i < n; i++)
		le(b, (uint32_t)(int32_t)lrint(fmin(fmax(32768.0 * (double)x[i], -32768), 32767)), 2);
}

static int spectrogram(struct ser_buf *svg, const float *x, size_t n, struct ser_err *e)
{
	struct ser_front_opt o;
	struct ser_front *f;
	int rc =
		ser_front_parse(&o, "spec n-fft=512 frame-length=25 frame-shift=5 log=db log-floor=1e-10 top-db=70", e);
	if (rc == SER_OK)
		rc = ser_front_new(&f, &o, e);
	if (rc != SER_OK)
		return rc;
	size_t t = ser_front_n_frame(f, n), d = ser_front_dim(f);
	float *y = ser_malloc(ser_mul(t > 0 ? t : 1, d), sizeof *y);
	struct ser_front_ws *ws = ser_front_ws_new(f);
	rc = ser_front_do(f, ws, x, n, NULL, y, e);
	if (rc == SER_OK) {
		float top = y[0];
		for (size_t i = 0; i < t * d; i++)
			top = fmaxf(top, y[i]);
		const struct ser_plot_opt po = {.width = 620, .height = 210, .x_label = "s", .y_label = "kHz"};
		const struct ser_plot_image im = {
			t, d, y, 0, (double)n / RATE, 0, RATE / 2000.0, (double)top - 70, (double)top + 1e-3, NULL};
		rc = ser_plot_image(&po, &im, svg, e);
	}
	ser_front_ws_free(ws);
	ser_front_free(f);
	free(y);
	return rc;
}

void page_sound(struct ser_buf *b, const struct ser_page *p, const char *id, const struct item *it)
{
	struct ser_err e;
	struct ser_buf svg = {0}, file = {0}, what = {0};
	float *x = NULL;
	size_t n;
	int rc = load(p, it, &x, &n, &e);
	if (rc == SER_OK)
		rc = spectrogram(&svg, x, n, &e);
	if (rc != SER_OK) {
		h_put(b, "<p class=\"note\">No sound: %s.</p>", e.msg);
	} else {
		wav(&file, x, n);
		h_put(b, "<audio controls preload=\"none\" aria-label=\"Sound of %s\" src=\"", id);
		ser_svg_data(b, "audio/wav", file.s, file.n);
		h_put(b, "\"></audio>");
		ser_buf_printf(&what, "Spectrogram of %s", id);
		h_chart(b, svg.s, what.s, NULL);
	}
	free(x);
	ser_buf_free(&svg);
	ser_buf_free(&file);
	ser_buf_free(&what);
}
