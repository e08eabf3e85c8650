# One corpus, all stages: manifest, features, folds of speakers; then for each fold, on its training speakers alone: a speaker
# encoder, embeddings, clusters inside each speaker, pairs, contrastive pretraining, fine-tuning for
# emotion; the same recogniser from scratch; prediction of speakers never trained on; scores.
# CORPUS names a file of settings in corpora/. Called by the Makefile here.
#
# Two streams of features: `feat`, log-mel frames, for the speaker encoder, and `func`, functionals of low-level descriptors,
# one vector an utterance, for the emotion encoder. NORM=speaker takes each speaker's own mean and deviation off
# the functionals: no label is used, but a test speaker's utterances are then seen together, which the report says.
include settings.mk
OUT ?= out/$(CORPUS)
include corpora/$(CORPUS).mk

NORM ?= none
NORMALISE := $(if $(filter speaker,$(NORM)),ser-norm --field func --by spk,ser-cat)
ifneq ($(NORM),$(filter none speaker,$(NORM)))
$(error NORM is none or speaker, found "$(NORM)")
endif

# What the corpora share unless they say otherwise. Features and emotion encoder were chosen on validation speakers: see paper-folds.mk.
# Where PREP runs and its relative paths begin.
ROOT        ?= .
FRAMES      ?= --kind fbank --num-mel-bins 40
FUNCTIONALS ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
TRAIN_SPEAKER     ?= --arch convpool --epochs 20
ENCODER           ?= --field func --arch mlp --hyper hidden=128 --hyper dropout=0.6 --weight-decay 0.05
TRAIN_CONTRASTIVE ?= --epochs 20
TRAIN_CLASSIFY    ?= --epochs 40 --smooth 0.1
fold  = $(OUT)/fold-%

.PHONY: report
report: $(OUT)/report.txt $(OUT)/report.html
	@cat $<

# ---- the corpus: who says what, how, in which file; ser-manifest says what is odd about it and its sounds ----
$(OUT)/manifest.tsv: $(AUDIO) $(call uses,ROOT PREP)
	mkdir -p $(@D)
	(cd '$(ROOT)' && $(PREP)) > $@.part
	ser-manifest --probe --root '$(ROOT)' --allow-absolute $@.part > /dev/null
	mv $@.part $@

# ---- features; DATA may be anywhere ----
$(OUT)/feat.ser: $(OUT)/manifest.tsv $(call uses,FRAMES)
	ser-wav2feat $(FRAMES) --root '$(ROOT)' --allow-absolute -q -t $(THREADS) -o $@ $<

$(OUT)/func.ser: $(OUT)/manifest.tsv $(call uses,FUNCTIONALS NORMALISE)
	ser-wav2feat $(FUNCTIONALS) --root '$(ROOT)' --allow-absolute -q -t $(THREADS) $< | $(NORMALISE) -o $@

# ---- folds that share no speaker; both streams get the same ones ----
$(OUT)/folded-%.ser: $(OUT)/%.ser $(call uses,FOLD)
	$(FOLD) -o $@ $<

# ---- one fold: what is trained on and what is not ----
$(fold)/train-feat.ser: $(OUT)/folded-feat.ser
	mkdir -p $(@D)
	ser-select 'fold != $*' -o $@ $<

$(fold)/train-func.ser: $(OUT)/folded-func.ser
	mkdir -p $(@D)
	ser-select 'fold != $*' -o $@ $<

$(fold)/test-func.ser: $(OUT)/folded-func.ser
	mkdir -p $(@D)
	ser-select 'fold == $*' -o $@ $<

# ---- a speaker encoder; no emotion label is looked at from here to the pairs ----
$(fold)/spk.st: $(fold)/train-feat.ser $(call uses,TRAIN_SPEAKER SEED)
	ser-train speaker --label spk $(TRAIN_SPEAKER) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) -o $@ $<

$(fold)/emb.ser: $(fold)/spk.st $(fold)/train-feat.ser
	ser-embed -m $(word 1,$^) -t $(THREADS) --drop feat -o $@ $(word 2,$^)

# ---- clusters inside each speaker, and pairs from them ----
$(fold)/clu.ser: $(fold)/emb.ser $(call uses,CLUSTERS SEED)
	ser-kmeans --by spk --pass-small -k $(CLUSTERS) --seed $(SEED) -t $(THREADS) -o $@ $<

$(fold)/clusters.txt: $(fold)/clu.ser $(call uses,SEED)
	ser-score clusters --by spk --label emo --seed $(SEED) $< > $@.part
	mv $@.part $@

$(fold)/clusters.json: $(fold)/clu.ser $(call uses,SEED)
	ser-score clusters --by spk --label emo --seed $(SEED) --json $< > $@.part
	mv $@.part $@

$(fold)/pairs.ser: $(fold)/clu.ser $(call uses,SEED)
	ser-pairs --by spk --seed $(SEED) -o $@ $<

# ---- contrastive pretraining on these pairs ----
$(fold)/enc.st: $(fold)/pairs.ser $(fold)/train-func.ser $(call uses,ENCODER TRAIN_CONTRASTIVE SEED)
	ser-train contrastive --pairs $(word 1,$^) $(ENCODER) $(TRAIN_CONTRASTIVE) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) \
		-o $@ $(word 2,$^)

# ---- the recogniser: pretrained, and from scratch ----
$(fold)/pretrained.st: $(fold)/enc.st $(fold)/train-func.ser $(call uses,ENCODER TRAIN_CLASSIFY SEED)
	ser-train classify --label emo --init $(word 1,$^) $(ENCODER) $(TRAIN_CLASSIFY) --seed $(SEED) -t $(THREADS) \
		--log $(@:.st=.log.tsv) -o $@ $(word 2,$^)

$(fold)/scratch.st: $(fold)/train-func.ser $(call uses,ENCODER TRAIN_CLASSIFY SEED)
	ser-train classify --label emo $(ENCODER) $(TRAIN_CLASSIFY) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) -o $@ $<

define predict
$$(fold)/$(1).pred.ser: $$(fold)/$(1).st $$(fold)/test-func.ser
	ser-predict -m $$(word 1,$$^) -t $$(THREADS) --drop func -o $$@ $$(word 2,$$^)
endef
$(foreach m,pretrained scratch,$(eval $(call predict,$(m))))

# ---- scores over all folds, with intervals; pretrained against scratch, paired ----
METHODS := scratch pretrained
define scores
$$(OUT)/$(1).score.txt: $$(FOLDS:%=$$(OUT)/fold-%/$(1).pred.ser) $$(call uses,FOLDS SEED)
	ser-score classes --label emo --seed $$(SEED) $$(inputs) > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1).score.json: $$(FOLDS:%=$$(OUT)/fold-%/$(1).pred.ser) $$(call uses,FOLDS SEED)
	ser-score classes --label emo --seed $$(SEED) --json $$(inputs) > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1).pred.ser: $$(FOLDS:%=$$(OUT)/fold-%/$(1).pred.ser) $$(call uses,FOLDS)
	ser-cat -o $$@ $$(inputs)
endef
$(foreach m,$(METHODS),$(eval $(call scores,$(m))))

$(OUT)/compare.json: $(OUT)/pretrained.pred.ser $(OUT)/scratch.pred.ser $(call uses,SEED)
	ser-score compare --label emo --seed $(SEED) --json $(inputs) > $@.part
	mv $@.part $@

$(OUT)/report.txt: $(OUT)/compare.json $(METHODS:%=$(OUT)/%.score.json) $(METHODS:%=$(OUT)/%.score.txt) \
		$(foreach f,$(FOLDS),$(OUT)/fold-$(f)/clusters.json $(OUT)/fold-$(f)/clusters.txt) $(call uses,NORM FOLDS)
	./report $(CORPUS) $(OUT) $(NORM) $(FOLDS) > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page: all of this in a browser, with the training curves and the map of the first fold; SOUNDS=6 lets six of the surest errors be
# heard, as speech of the corpus in the page ----
SOUNDS ?= 0
first  := $(OUT)/fold-$(firstword $(FOLDS))

$(first)/map.ser: $(first)/clu.ser
	n=$$(ser-dump --tsv id $< | wc -l); ser-project --method tsne --perplexity $$((n < 91 ? (n + 2) / 3 : 30)) -t $(THREADS) -q -o $@ $<

$(OUT)/report.html: $(OUT)/manifest.tsv $(first)/map.ser $(OUT)/compare.json $(METHODS:%=$(first)/%.st) \
		$(foreach m,$(METHODS),$(FOLDS:%=$(OUT)/fold-%/$(m).pred.ser)) $(call uses,CORPUS NORM FOLDS SEED SOUNDS ROOT)
	ser-report --title '$(CORPUS): scratch and pretrained$(if $(filter speaker,$(NORM)), (features normalised by speaker))' --seed $(SEED) \
		--sounds $(SOUNDS) --root '$(ROOT)' --allow-absolute -t $(THREADS) -o $@ \
		$(foreach m,$(METHODS),$(FOLDS:%=$(m)=$(OUT)/fold-%/$(m).pred.ser) $(m)=$(first)/$(m).log.tsv) \
		voices=$(first)/map.ser $(OUT)/compare.json $(OUT)/manifest.tsv
