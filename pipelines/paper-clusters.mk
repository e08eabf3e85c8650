# Emotion clusters in speaker embeddings, the whole comparison: does pretraining on pairs from the clusters inside each
# speaker's embeddings help an emotion recogniser that has few labels? Seven methods, several corpora, shares of the training
# labels from 1 to 100 %, seeds; paired tests; one report. Called by the Makefile here; paper-folds.mk trains.
#
#   make paper-clusters DATA=/data                all of it, about two hours on two cores with -j2
#   make paper-clusters DATA=/data QUICK=1        two corpora, two shares, one seed, one setting: ten minutes
#   make paper-clusters DATA=/data ENCODER_ST=x   a speaker encoder that is there already, instead of one trained here
#
# Corpora are looked for in DATA/NAME. A run that was cut off goes on where it stopped. Left in OUT: RESULTS.md,
# results.tsv, results.json, figures/, and below NORM/CORPUS the predictions and scores that they come from.
include settings.mk
MAKEFLAGS += --no-print-directory

OUT  ?= out/paper-clusters$(if $(QUICK),-quick)
DATA ?= $(error say where the corpora are: make paper-clusters DATA=/where/they/are)

# ---- what is compared, on what ----
CORPORA    ?= $(if $(QUICK),ravdess emodb,ravdess emodb nemo)
# Speech without emotion labels: the corpora themselves, whose labels are dropped and test speakers left out, and more.
UNLABELLED ?= $(CORPORA) baved
SEEDS      ?= $(if $(QUICK),1,1 2 3)
# Percentages of the training labels; the one of the headline is among them.
SHARES     ?= $(if $(QUICK),10 100,1 5 10 25 50 100)
HEADLINE   ?= 10
# Features of a test speaker as they are, or normalised by all that the same speaker said (which looks at test utterances
# together, not at labels): a setting of its own, never mixed with the other.
NORMS      ?= $(if $(QUICK),none,none speaker)
N_BOOT     ?= 1000

# How a corpus is found and divided; its folds as ser-fold numbers them.
FOLD_ravdess  ?= published ravdess:emobox
FOLDS_ravdess ?= 1 2 3 4 5 6
FOLD_emodb    ?= loso
FOLDS_emodb   ?= 0 1 2 3 4 5 6 7 8 9
FOLD_nemo     ?= kfold -k 3 --seed 1
FOLDS_nemo    ?= 0 1 2
prep   = $(or $(PREP_$(1)),ser-prep -q $(1) $(DATA)/$(1))
divide = $(if $(FOLD_$(1)),ser-fold $(FOLD_$(1)),cat)

# ---- features: functionals of two sets of descriptors as one vector, without the silence around what is said; frames for the
# speaker encoder, with its own front-end. Sets, functionals and the depth of the trim were chosen as the encoder was, see
# paper-folds.mk ----
FUNCTIONALS ?= mean,std,p5,p25,p50,p75,p95,slope,skewness,kurtosis
DESCRIPTORS ?= --kind compare --trim 30
CEPSTRA     ?= --kind mfcc --num-ceps 20 --num-mel-bins 40 --delta-order 1 --trim 30
FRAMES      ?= --kind fbank --num-mel-bins 80
# None of the compared corpora has a part in the speaker encoder.
SPEAKER_CORPORA ?= librispeech arabic-speech-commands baved
ENCODER_ST      ?= $(OUT)/speaker/encoder.st
CLUSTERS        ?= 6
PAIRS           ?= --negatives 2

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html

# ---- manifests: folds by speaker, and the corpus in front of ids and speakers, whose names clash between corpora; speakers who
# say less than two utterances a cluster are left out ----
$(foreach c,$(UNLABELLED),$(eval MANIFEST_$(c) = $$(call prep,$(c)) | $$(call divide,$(c))) \
	$(eval $(OUT)/corpora/$(c).tsv: $$(call uses,MANIFEST_$(c) CLUSTERS)))
$(OUT)/corpora/%.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) | ser-manifest --corpus $* | awk -F'\t' -v OFS='\t' -v c=$* -v fewest=$(CLUSTERS) \
		'NR == 1 {for (i = 1; i <= NF; i++) if ($$i == "spk") s = i; print; next} \
		 {$$1 = c "-" $$1; $$s = c "-" $$s; line[NR] = $$0; spk[NR] = $$s; n[$$s]++} \
		 END {for (i = 2; i <= NR; i++) if (n[spk[i]] >= 2 * fewest) print line[i]; \
			for (s in n) if (n[s] < 2 * fewest) {few++; rows += n[s]} \
			if (few) print "paper-clusters.mk: " c ": " few " speakers have less than two utterances a cluster; left out, with " rows " utterances" > "/dev/stderr"}' > $@.part
	mv $@.part $@

$(OUT)/corpora/%.compare.ser: $(OUT)/corpora/%.tsv $(call uses,DESCRIPTORS FUNCTIONALS)
	ser-wav2feat $(DESCRIPTORS) --functionals $(FUNCTIONALS) -q -t $(THREADS) -o $@ $<

$(OUT)/corpora/%.mfcc.ser: $(OUT)/corpora/%.tsv $(call uses,CEPSTRA FUNCTIONALS)
	ser-wav2feat $(CEPSTRA) --functionals $(FUNCTIONALS) -q -t $(THREADS) -o $@ $<

$(OUT)/speaker/encoder.st: $(call uses,SPEAKER_CORPORA QUICK SEED)
	+$(lines_count) $(MAKE) -f speaker.mk DATA='$(DATA)' OUT='$(@D)' SPEAKER_CORPORA='$(SPEAKER_CORPORA)' ARCH=ecapa SEED=$(SEED) QUICK='$(QUICK)' encoder

$(OUT)/corpora/%.emb.ser: $(OUT)/corpora/%.tsv $(ENCODER_ST) $(call uses,FRAMES ENCODER_ST)
	ser-wav2feat $(FRAMES) -q $< | ser-embed -m $(word 2,$^) -t $(THREADS) --drop feat -o $@

# How many records all corpora together have, by their manifests: a merge of fewer is none.
rows = $$(tail -q -n +2 $(UNLABELLED:%=$(OUT)/corpora/%.tsv) | wc -l)

# ---- one record an utterance: func and emb, normalised by speaker or not ----
NORMALISE_none    := cat
NORMALISE_speaker := ser-norm --field func --by spk | ser-norm --field emb --by spk

define normalised
$$(OUT)/$(1)/%.ser: $$(OUT)/corpora/%.compare.ser $$(OUT)/corpora/%.mfcc.ser $$(OUT)/corpora/%.emb.ser $$(call uses,NORMALISE_$(1))
	mkdir -p $$(@D)
	ser-join --concat func $$(wordlist 1,2,$$^) | ser-join - $$(word 3,$$^) | $$(NORMALISE_$(1)) | ser-cat -o $$@

$$(OUT)/$(1)/unlabelled.ser: $$(UNLABELLED:%=$$(OUT)/$(1)/%.ser) $$(call uses,UNLABELLED)
	ser-cat --merge --expect $$(rows) $$(inputs) | ser-select --fields spk,corpus,fold,func -q true -o $$@
endef
$(foreach n,$(NORMS),$(eval $(call normalised,$(n))))

# ---- clusters inside each speaker, of the embeddings as they are, and pairs from them; no emotion is looked at, but for the
# report on how often pairs agree in it ----
$(OUT)/clusters.ser: $(UNLABELLED:%=$(OUT)/corpora/%.emb.ser) $(call uses,UNLABELLED CLUSTERS SEED)
	ser-cat --merge --expect $(rows) $(inputs) | ser-kmeans --by spk --metric cosine -k $(CLUSTERS) --seed $(SEED) -t $(THREADS) -o $@

$(OUT)/pairs-%.ser: $(OUT)/clusters.ser $(call uses,PAIRS)
	ser-pairs --by spk $(PAIRS) --seed $* -o $@ $<

$(OUT)/agreement-%.tsv: $(OUT)/clusters.ser $(call uses,PAIRS SEED)
	ser-select 'corpus == "$*"' $< | ser-pairs --by spk $(PAIRS) --seed $(SEED) --report-label emo --report $@.part > $@.pairs
	rm $@.pairs
	mv $@.part $@

# ---- training, prediction, scores: a make for each corpus and normalisation ----
# Each is always asked, and does what is missing: seeds and shares may have been added since.
RUNS := $(foreach n,$(NORMS),$(CORPORA:%=$(n)/%))
runs  = $(RUNS:%=$(OUT)/%/done)

define run
$$(OUT)/$(1)/done: $$(OUT)/$(1).ser $$(OUT)/$(dir $(1))unlabelled.ser $$(SEEDS:%=$$(OUT)/pairs-%.ser) FORCE
	+$$(lines_count) $$(MAKE) -f paper-folds.mk OUT='$$(OUT)' NORM=$(patsubst %/,%,$(dir $(1))) CORPUS=$(notdir $(1)) \
		FOLDS='$$(FOLDS_$(notdir $(1)))' SEEDS='$$(SEEDS)' SHARES='$$(SHARES)' HEADLINE='$$(HEADLINE)' N_BOOT='$$(N_BOOT)' all
endef
$(foreach r,$(RUNS),$(eval $(call run,$(r))))
.PHONY: FORCE

# ---- the report ----
$(OUT)/RESULTS.md: $(runs) $(CORPORA:%=$(OUT)/agreement-%.tsv) paper-report $(call uses,NORMS CORPORA SEEDS SHARES HEADLINE N_BOOT)
	@rm -rf $(@D)/report.*
	NORMS='$(NORMS)' CORPORA='$(CORPORA)' UNLABELLED='$(UNLABELLED)' SEEDS='$(SEEDS)' SHARES='$(SHARES)' \
		HEADLINE='$(HEADLINE)' CLUSTERS='$(CLUSTERS)' N_BOOT='$(N_BOOT)' ENCODER_ST='$(ENCODER_ST)' ./paper-report '$(OUT)'

# ---- the page: every method with all labels, the pairs' clusters, the corpora ----
$(OUT)/report.html: $(OUT)/RESULTS.md
	ser-report --title 'Pretraining on clusters of speaker embeddings: all labels' -o $@ clusters=$(OUT)/clusters.ser \
		$$(for r in $(RUNS); do for f in $(OUT)/$$r/*-$(lastword $(SHARES)).score.json; do \
			n=$${f##*/}; echo "$${r//\//-}-$${n%%.*}=$$f"; done; done)
