/* SPDX-License-Identifier: MIT */
/* What fuzz targets share. A target is a parser of outside bytes: no input may crash it, make it take memory out of
 * proportion, or pass what a stream's reader would refuse. libFuzzer's entry point, called by it or by replay.c. */
#ifndef SER_TESTS_FUZZ_H
#define SER_TESTS_FUZZ_H

#include "corpus/corpus.h"
#include "formats/formats.h"
#include "stream/stream.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Read the bytes as a file of a format; what comes out must make a stream that its reader takes whole. */
void ser_fuzz_import(const char *format, const struct ser_format_opt *o, const uint8_t *p, size_t n);
/* Read a stream from the bytes of a descriptor. Returns the reader's code. */
int ser_fuzz_stream(int fd, uint64_t *n_record);
/* The bytes as an unnamed file: its descriptor, which the caller closes, and a path under which it can be opened. */
int ser_fuzz_file(const uint8_t *p, size_t n, char path[static 32]);
/* What a reader of manifests made of its bytes, its code and its error: a table with ids goes through every format of one
 * file and comes back as it was, or is refused. */
void ser_fuzz_table(const struct ser_table *t, int rc, const struct ser_err *read);

#endif
