/* SPDX-License-Identifier: MIT */
/* Provenance as a shell script. */
#ifndef SER_STREAM_REPLAY_H
#define SER_STREAM_REPLAY_H

#include "stream/stream.h"

/* The commands that made a stream of this provenance, as a script for a POSIX shell, appended to *script. It writes the stream
 * to standard output, and takes as arguments what provenance leaves out, the names of the inputs: what the first tools
 * read, and streams that were made by tools that are none of ser's, which it never runs. It stops when a tool is of another
 * version than it was, or a file that an option names is not the one that was read.
 * n_segment: of the stream; of several that have one provenance it makes one.
 * SER_EDATA when the provenance is not as ser-stream(5) has it, or names none of ser's tools. */
int ser_replay(const struct ser_val *prov, uint64_t n_segment, struct ser_buf *script, struct ser_err *e);

#endif
