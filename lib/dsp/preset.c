/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"

#include <string.h>

static const struct preset {
	const char *name, *front; /* front: as ser_front_parse() reads it */
	const char *functionals;
} PRESETS[] = {
	/* speechbrain.lobes.features.Fbank(n_mels=80), InputNormalization(norm_type=sentence, std_norm=False) */
	{"speechbrain-ecapa",
	 "mel n-fft=400 pad=constant window-type=hamming num-mel-bins=80 mel-shape=left log=db top-db=80 "
	 "subtract-mean=true",
	 NULL},
	{"wespeaker-ecapa", "fbank window-type=hamming subtract-mean=true", NULL},
	/* librosa.feature.melspectrogram(n_fft=512, hop_length=256, n_mels=128) of the peak-normalised signal */
	{"deepemocluster",
	 "mel n-fft=512 win-length=512 hop-length=256 num-mel-bins=128 mel-scale=slaney mel-norm=slaney peak-norm=true",
	 NULL},
	/* whisper.log_mel_spectrogram(); resemblyzer's librosa.feature.melspectrogram(n_fft=400, hop_length=160, n_mels=40);
	 * both on past the end, to a frame of silence: what the two hear of the zeros that they put behind a sound */
	{"whisper",
	 "mel win-length=400 hop-length=160 n-fft=400 edges=silence num-mel-bins=80 mel-scale=slaney mel-norm=slaney "
	 "log=whisper",
	 NULL},
	{"resemblyzer",
	 "mel win-length=400 hop-length=160 n-fft=400 edges=silence pad=constant num-mel-bins=40 mel-scale=slaney "
	 "mel-norm=slaney",
	 NULL},
	{"chunk-lld", "compare frame-length=32 frame-shift=16", NULL},
	{"egemaps", "egemaps", "egemaps"},
	{"egemaps-opensmile", "egemaps compat=opensmile", "egemaps"},
	{"gemaps-opensmile", "egemaps compat=opensmile", "gemaps"},
	{"compare2016", "compare compat=opensmile", "compare2016"},
	{"emobase", "emobase", "emobase"},
	{"is09", "is09", "is09"},
	{"is10", "is10", "is10"},
	{"is11", "is11", "is11"},
	{"is13", "compare compat=opensmile", "is13"},
};

const char *ser_front_preset_name(size_t i)
{
	return i < sizeof PRESETS / sizeof PRESETS[0] ? PRESETS[i].name : NULL;
}

int ser_front_preset(struct ser_front_opt *o, const char **functionals, const char *name, struct ser_err *e)
{
	struct ser_buf names = {0};
	for (size_t i = 0; i < sizeof PRESETS / sizeof PRESETS[0]; i++) {
		if (strcmp(name, PRESETS[i].name) == 0) {
			ser_buf_free(&names);
			*functionals = PRESETS[i].functionals;
			return ser_front_parse(o, PRESETS[i].front, e);
		}
		ser_buf_printf(&names, "%s%s", i > 0 ? ", " : "", PRESETS[i].name);
	}
	int rc = ser_fail(e, SER_EUSAGE, "preset \"%s\" is none of %s", name, names.s);
	ser_buf_free(&names);
	return rc;
}
