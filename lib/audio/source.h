/* SPDX-License-Identifier: MIT */
/* Where the bytes of a sound file come from: memory, a descriptor that can seek, or a pipe seen through a window that
 * moves along; and what the container's own header says about how many there should be. Internal to audio. */
#ifndef SER_AUDIO_SOURCE_H
#define SER_AUDIO_SOURCE_H

#include "audio/audio.h"
#include "base/base.h"

enum ser_source_kind { SOURCE_MEM, SOURCE_FD, SOURCE_PIPE };

struct ser_source {
	enum ser_source_kind kind;
	const unsigned char *mem; /* MEM: all bytes; PIPE: the window, holding bytes [lo, hi) of the stream */
	unsigned char *owned;     /* what to free of it */
	int fd;                   /* FD, PIPE */
	bool close_fd;
	int64_t base;   /* FD: offset of byte 0 in the descriptor */
	int64_t size;   /* bytes, -1 while a pipe has not ended */
	int64_t pos;    /* next byte to read */
	int64_t lo, hi; /* PIPE */
	bool opening;   /* PIPE: the header is being parsed: nothing behind the samples may be waited for */
	int failed;     /* errno of a failed read, 0 for none */
	/* from the container's header (WAV, RF64, Wave64, AU, AIFF, CAF, SPHERE, AVR): */
	int64_t data_off;  /* first byte of the samples, 0 when not known */
	int64_t data_size; /* bytes of samples announced, -1 when the writer could not know or it is not said */
	bool data_last;    /* what stands behind the samples is not looked at, so that a pipe gives what a file gives */
	int n_align;       /* bytes of a frame of samples that came without a header, else 0 */
	bool mpeg;         /* the samples of a WAV are MPEG audio */
	bool patch; /* the four bytes at patch_at, an unknown length or an unknown name, are read as patch_bytes */
	int64_t patch_at;
	unsigned char patch_bytes[4];
};

int ser_source_path(struct ser_source *s, const char *path, struct ser_err *e);
int ser_source_fd(struct ser_source *s, int fd, const char *name, struct ser_err *e);
int ser_source_mem(struct ser_source *s, const void *p, size_t n, const char *name, struct ser_err *e);
/* Samples without a header, which is put before them. The descriptor is read as a pipe is. */
int ser_source_raw(struct ser_source *s, int fd, const struct ser_audio_raw *r);
void ser_source_close(struct ser_source *s);

/* libsndfile's callbacks, on a struct ser_source. */
int64_t ser_source_len(void *s);
int64_t ser_source_seek(int64_t off, int whence, void *s);
int64_t ser_source_read(void *p, int64_t n, void *s);
int64_t ser_source_tell(void *s);
int64_t ser_source_write(const void *p, int64_t n, void *s);

/* Bytes of samples that the header announces and the file has not, 0 when none are missing or it cannot be said. On a
 * pipe: known once it has been read to its end. */
int64_t ser_source_missing(const struct ser_source *s);

/* Ogg (RFC 3533): every page is there, whole and in order, the first of each stream at the beginning and the last marked so; one sound
 * only. SER_EDATA says what is wrong. SER_OK for what is not Ogg. */
int ser_source_ogg_check(struct ser_source *s, const char *name, struct ser_err *e);

/* SER_EDATA where ID3v2 tags stand before what is not MPEG or FLAC: libsndfile counts samples as if they were not there. */
int ser_source_tag_check(struct ser_source *s, const char *name, struct ser_err *e);

/* Bytes that are missing from MPEG audio layer III, at least: of the length that its first frame announces, in *whole, or, where that is -1
 * because it announces none, of the last frame. *n_sample: how many its frames hold, a channel, counted only where none is
 * announced. 0 when none are missing, and for what is not MPEG. */
int64_t ser_source_mpeg_missing(struct ser_source *s, int64_t *whole, int64_t *n_sample);

/* MPEG audio layer III whose first frame announces how many follow: they are there, one behind the other, and no more sound behind them.
 * SER_EDATA says what is wrong. SER_OK for all else. */
int ser_source_mpeg_check(struct ser_source *s, const char *name, struct ser_err *e);

#endif
