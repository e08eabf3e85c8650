/* SPDX-License-Identifier: MIT */
/* Where a set's descriptors stand: egemaps.c and compare2016.c have their names, ser-llds(7) their meaning. Internal to dsp. */
#ifndef SER_DSP_COLUMNS_H
#define SER_DSP_COLUMNS_H

#include "dsp/lld.h"

enum {
	EGEMAPS_LOUDNESS,
	EGEMAPS_ALPHA,
	EGEMAPS_HAMMARBERG,
	EGEMAPS_SLOPE_LOW,
	EGEMAPS_SLOPE_HIGH,
	EGEMAPS_FLUX,
	EGEMAPS_MFCC, /* four */
	EGEMAPS_F0 = 10,
	EGEMAPS_JITTER,
	EGEMAPS_SHIMMER,
	EGEMAPS_HNR,
	EGEMAPS_H1_H2,
	EGEMAPS_H1_A3,
	EGEMAPS_FORMANT /* three times frequency, bandwidth, amplitude */
};
enum { EGEMAPS_N_MFCC = 4, EGEMAPS_N_FORMANT = 3, EGEMAPS_PER_FORMANT = 3 };

/* The 88 functionals of eGeMAPS, but the last seven: blocks of statistics of one column over some of the frames. */
enum ser_egemaps_over { EGEMAPS_ALL, EGEMAPS_VOICED, EGEMAPS_UNVOICED };
enum ser_egemaps_stats { EGEMAPS_MEAN, EGEMAPS_MEAN_CV, EGEMAPS_FULL /* and percentiles and slopes */ };
struct ser_egemaps_row {
	const char *name;
	int column;
	enum ser_egemaps_over over;
	enum ser_egemaps_stats stats;
};
enum { SER_EGEMAPS_ROW_N = 35 };
extern const struct ser_egemaps_row ser_egemaps_rows[SER_EGEMAPS_ROW_N];

/* The names of RASTA-filtered auditory bands, in all sets of ComParE. */
#define AUDITORY_BANDS                                                                                                 \
	"audSpec_Rfilt_sma[0]", "audSpec_Rfilt_sma[1]", "audSpec_Rfilt_sma[2]", "audSpec_Rfilt_sma[3]",                \
		"audSpec_Rfilt_sma[4]", "audSpec_Rfilt_sma[5]", "audSpec_Rfilt_sma[6]", "audSpec_Rfilt_sma[7]",        \
		"audSpec_Rfilt_sma[8]", "audSpec_Rfilt_sma[9]", "audSpec_Rfilt_sma[10]", "audSpec_Rfilt_sma[11]",      \
		"audSpec_Rfilt_sma[12]", "audSpec_Rfilt_sma[13]", "audSpec_Rfilt_sma[14]", "audSpec_Rfilt_sma[15]",    \
		"audSpec_Rfilt_sma[16]", "audSpec_Rfilt_sma[17]", "audSpec_Rfilt_sma[18]", "audSpec_Rfilt_sma[19]",    \
		"audSpec_Rfilt_sma[20]", "audSpec_Rfilt_sma[21]", "audSpec_Rfilt_sma[22]", "audSpec_Rfilt_sma[23]",    \
		"audSpec_Rfilt_sma[24]", "audSpec_Rfilt_sma[25]"

enum {
	COMPARE_F0,
	COMPARE_VOICING,
	COMPARE_JITTER,
	COMPARE_JITTER_DDP,
	COMPARE_SHIMMER,
	COMPARE_LOG_HNR,
	COMPARE_LOUD,
	COMPARE_LOUD_RASTA,
	COMPARE_RMS,
	COMPARE_ZCR,
	COMPARE_RASTA, /* 26 */
	COMPARE_BAND_LOW = 36,
	COMPARE_BAND_HIGH,
	COMPARE_ROLLOFF, /* four */
	COMPARE_FLUX = 42,
	COMPARE_CENTROID,
	COMPARE_ENTROPY,
	COMPARE_VARIANCE,
	COMPARE_SKEWNESS,
	COMPARE_KURTOSIS,
	COMPARE_SLOPE,
	COMPARE_SHARPNESS,
	COMPARE_HARMONICITY,
	COMPARE_MFCC /* 14 */
};

#endif
