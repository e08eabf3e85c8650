/* SPDX-License-Identifier: MIT */
/* score: what ser-score(1) does between its options and its output: records are collected into a set, and a set
 * becomes a report. Nothing here opens a stream, prints or exits.
 *
 * A set takes the records one by one, in their order, from whoever reads them; a report is made once all are in. Options
 * are borrowed by sets and trials until they are freed. What fails returns a negative SER_E*, or NULL, and fills *e; all
 * objects can then still be freed. */
#ifndef SER_SCORE_H
#define SER_SCORE_H

#include "base/base.h"
#include "base/option.h"
#include "stat/metrics.h"
#include "score/report.h"
#include "stream/stream.h"

struct ser_score_opt {
	/* what the records say; names of labels and tensors */
	const char *label;     /* the true label, of frames a tensor; not of voices */
	const char *pred;      /* the predicted label; where a record has none, its tensor "post" [K] predicts */
	const char *fold;      /* of the fold; when the first record has none, each file is a fold */
	const char *by;        /* of the speaker, who must then be there; NULL: "spk", when the first record has it */
	const char *cluster;   /* of the cluster, an integer in [0,1000000] */
	const char *field;     /* tensor [D] of the embedding */
	const char *text;      /* pairs: tensor [D] of the text's embedding */
	struct ser_strs order; /* pairs: labels that have an order, in it; classes: which come first in tables */
	struct ser_strs votes; /* of votes and labels: how many chose a class, which is what follows the last dot */
	const char *seen;      /* frames: tensor of whole numbers, below 0 where the truth is not known; NULL: it is */
	bool need_field;       /* clusters: the embedding must be there; else when the first record has it */
	const char *trials;    /* voices: name of the list of trials, see ser_score_trials_new(); NULL: all pairs */

	bool allow_shared; /* speakers both trained on and scored are reported, not refused */

	/* uncertainty */
	int n_boot;   /* bootstrap replicates, >= 0; 0: no intervals */
	double level; /* of the intervals, in (0,1) */
	bool bca;     /* BCa intervals; else percentile ones */
	int64_t seed;
	int n_thread; /* no result depends on it */
	struct ser_watch watch;

	/* clusters */
	int n_perm;     /* shuffles for the chance level, >= 0 */
	int metric;     /* of the silhouettes: enum ser_metric */
	bool per_group; /* a table of each group's scores too */

	/* labels */
	int truth;        /* which classes are true: enum ser_score_truth; -1: as the activation of "post" wants it */
	double threshold; /* of the posteriors that are decided for, above it; NaN: likewise */

	/* voices */
	int top;                    /* greatest scores against the cohort that count, >= 2 */
	struct ser_verify_opt cost; /* of the detection cost */
	bool det;                   /* a table of the DET curve too */
};
/* Classes that one voter chose at least, as sigmoids learn them, decided for above 0.5; or those with more than 1/K of the votes,
 * decided for above 1/K, as a softmax learns shares (Chou, Lee and Busso 2022). */
enum ser_score_truth { SER_TRUTH_VOTED, SER_TRUTH_SHARE };
/* The defaults; label is NULL, one thread. */
void ser_score_opt_init(struct ser_score_opt *o);

/* ---- what is scored ------------------------------------------------------------------------- */

enum ser_score_kind {
	SER_SCORE_CLASSES, /* true and predicted class; records whose prediction is nil were rejected, and are counted only */
	SER_SCORE_NUMBERS, /* true and predicted number */
	SER_SCORE_CLUSTERS, /* true class and cluster, which may be nil: then counted only; perhaps an embedding; the speaker is the group */
	SER_SCORE_VOICES, /* embeddings; the speaker must be there when trials is NULL */
	SER_SCORE_COHORT, /* embeddings to normalise scores by; the speaker need not be there */
	SER_SCORE_VOTES, /* votes; records whose label "split" is test or dev, and those without votes, are passed over */
	SER_SCORE_LABELS,     /* votes, and posteriors of the same classes; records without votes are passed over */
	SER_SCORE_POSTERIORS, /* true class, posteriors of all classes, which sum to 1 */
	SER_SCORE_FRAMES,     /* a tensor of a row a frame, and one of predictions, at rates of their own */
	SER_SCORE_PAIRS       /* true class, an embedding of the record and one of its text */
};

struct ser_score_set;
struct ser_score_set *ser_score_set_new(const struct ser_score_opt *o, enum ser_score_kind kind);
void ser_score_set_free(struct ser_score_set *s); /* NULL: nothing */
/* One record, of which the set copies what it needs. h: the header of its segment, which names the columns of "post" and
 * the speakers that were trained on; new_segment: h is unlike the last record's (at the first it may be false); file: the
 * name of the file, which may be the fold. SER_EDATA, naming the record, when something is absent or of another kind. */
int ser_score_set_add(struct ser_score_set *s, const struct ser_header *h, bool new_segment, const char *file,
		      struct ser_record *r, struct ser_err *e);
/* All are in. SER_EDATA, naming `file`, when there were none. Classes are then numbered: first as the header of the first
 * record has them, then, by name, those that only records have. */
int ser_score_set_done(struct ser_score_set *s, const char *file, struct ser_err *e);

/* ---- reports -------------------------------------------------------------------------------- */

/* Each returns a report for ser_report_free(), or NULL and *e: SER_EDATA when the scores are undefined, SER_EPROTO naming
 * the speakers when some were trained on and are scored (but of clusters) and allow_shared is not set. Sets are done. */

/* s of SER_SCORE_CLASSES: classes of the truth that no header names among those of its model's posteriors, and that nothing was
 * predicted to be, separated by spaces: their recall is 0 whatever the model. Returns how many records are of them. */
size_t ser_score_unpredictable(const struct ser_score_set *s, struct ser_buf *names);
/* s of SER_SCORE_CLASSES: ser_eval_classes(), each fold, each class, the confusion matrix. `absent` gets, separated by
 * spaces, the classes that are absent from the truth, so not in the UAR; its n stays 0 when there are none. */
struct ser_report *ser_score_report_classes(const struct ser_score_opt *o, const struct ser_score_set *s,
					    struct ser_buf *absent, struct ser_err *e);
/* s of SER_SCORE_NUMBERS: ser_eval_regress() and each fold. */
struct ser_report *ser_score_report_regress(const struct ser_score_opt *o, const struct ser_score_set *s,
					    struct ser_err *e);
/* Two systems on the same items, both of SER_SCORE_CLASSES or both of SER_SCORE_NUMBERS, paired by id; folds and speakers
 * are the first's. name [2]: what to call them. SER_EDATA when ids or true labels are not the same. */
struct ser_report *ser_score_report_compare(const struct ser_score_opt *o, const struct ser_score_set *const set[2],
					    const char *const name[2], struct ser_err *e);
/* s of SER_SCORE_CLUSTERS: ser_score_clusters() and silhouettes, means over groups beside chance. */
struct ser_report *ser_score_report_clusters(const struct ser_score_opt *o, const struct ser_score_set *s,
					     struct ser_err *e);

/* s of SER_SCORE_POSTERIORS: ser_eval_posteriors(), the temperature, and the weights and offsets of the classes,
 * that suit the records best, and UAR of the surest of them. */
struct ser_report *ser_score_report_calibration(const struct ser_score_opt *o, const struct ser_score_set *s,
						struct ser_err *e);
/* Of such a report, written as JSON to a file: weight and offset [class->n] of each of these classes, which are all that it has. SER_EDATA
 * when it has no such table or other classes. */
int ser_score_read_scaling(const char *path, const struct ser_strs *class, double *weight, double *offset,
			   struct ser_err *e);

/* s of SER_SCORE_LABELS: ser_eval_labels() of o->votes against posteriors, and F1 of each class. */
struct ser_report *ser_score_report_labels(const struct ser_score_opt *o, const struct ser_score_set *s,
					   struct ser_err *e);
/* s of SER_SCORE_VOTES: how many records have votes of a class and of another, penalties 1 - count[j][k] / count[k][k] of class j
 * against k (Chou, Lee and Busso 2022), and the speakers counted. SER_EDATA: a class has no votes at all. */
struct ser_report *ser_score_report_cooccurrence(const struct ser_score_set *s, struct ser_err *e);

/* s of SER_SCORE_FRAMES: of numbers the mean over columns of concordance, Pearson's r and root mean squared error, and each column; of
 * classes unweighted average recall, accuracy, macro F1, and each class: of all frames. other (may be NULL): another system's
 * predictions of the same records; then differences, too. SER_EDATA when it has other records or frames. */
struct ser_report *ser_score_report_frames(const struct ser_score_opt *o, const struct ser_score_set *s,
					   const struct ser_score_set *other, struct ser_err *e);

/* s of SER_SCORE_PAIRS, by cosines: how far up the first distinct text of a record's label stands among all, and the first record of
 * a text's label (equal ones of other labels before it); the distance of the two means; with o->order Kendall's tau-b of a record's
 * cosines with the texts and how near their labels are to its own, the mean. */
struct ser_report *ser_score_report_retrieval(const struct ser_score_opt *o, const struct ser_score_set *s,
					      struct ser_err *e);

/* Trials between the records of a set of SER_SCORE_VOICES: those in the file o->trials, a line each of "1 id id", "0 id id",
 * "id id target" or "id id nontarget", or all pairs. NULL and *e, naming the line, when it is none of these or an id is
 * of no record. */
struct ser_score_trials;
struct ser_score_trials *ser_score_trials_new(const struct ser_score_opt *o, const struct ser_score_set *s,
					      struct ser_err *e);
void ser_score_trials_free(struct ser_score_trials *t); /* NULL: nothing */
/* Cosine scores of trials t between the records of s, normalised (AS-norm) when there is a cohort, a set of
 * SER_SCORE_COHORT, else NULL; cohort_name is for messages. SER_EDATA when the cohort has fewer than 2 records or another
 * dimension, or when there are only target or only non-target trials. */
struct ser_report *ser_score_report_verify(const struct ser_score_opt *o, const struct ser_score_set *s,
					   const struct ser_score_trials *t, const struct ser_score_set *cohort,
					   const char *cohort_name, struct ser_err *e);

#endif
