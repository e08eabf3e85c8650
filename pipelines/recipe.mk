# One corpus, all stages: manifest, features, folds of speakers; then for each fold, on its training speakers alone: a speaker
# encoder, embeddings, clusters inside each speaker, pairs, contrastive pretraining, fine-tuning for
# emotion; the same recogniser from scratch; prediction of speakers never trained on; scores.
# CORPUS names a file of settings in corpora/. Called by the Makefile here.
include settings.mk
include corpora/$(CORPUS).mk

WORK ?= work/$(CORPUS)
fold  = $(WORK)/fold-%

.PHONY: report
report: $(WORK)/report.txt
	@cat $<

# ---- the corpus: who says what, how, in which file ----
$(WORK)/manifest.tsv: $(AUDIO)
	mkdir -p $(@D)
	$(PREP) > $@.part
	mv $@.part $@

# ---- features ----
$(WORK)/feat.ser: $(WORK)/manifest.tsv
	ser-wav2feat $(FRONTEND) -t $(THREADS) -o $@ $<

# ---- folds that share no speaker ----
$(WORK)/folded.ser: $(WORK)/feat.ser
	$(FOLD) -o $@ $<

# ---- one fold: what is trained on and what is not ----
$(fold)/train.ser: $(WORK)/folded.ser
	mkdir -p $(@D)
	ser-select 'fold != $*' -o $@ $<

$(fold)/test.ser: $(WORK)/folded.ser
	mkdir -p $(@D)
	ser-select 'fold == $*' -o $@ $<

# ---- a speaker encoder; no emotion label is looked at from here to the pairs ----
$(fold)/spk.st: $(fold)/train.ser
	ser-train speaker --label spk $(TRAIN_SPEAKER) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) -o $@ $<

$(fold)/emb.ser: $(fold)/spk.st $(fold)/train.ser
	ser-embed -m $(word 1,$^) -t $(THREADS) $(word 2,$^) | ser-select true --drop feat -o $@

# ---- clusters inside each speaker, and pairs from them ----
$(fold)/clu.ser: $(fold)/emb.ser
	ser-kmeans --by spk -k $(CLUSTERS) --seed $(SEED) -t $(THREADS) -o $@ $<

$(fold)/clusters.txt: $(fold)/clu.ser
	ser-score clusters --by spk --label emo --seed $(SEED) $< > $@.part
	mv $@.part $@

$(fold)/clusters.json: $(fold)/clu.ser
	ser-score clusters --by spk --label emo --seed $(SEED) --json $< > $@.part
	mv $@.part $@

$(fold)/pairs.ser: $(fold)/clu.ser
	ser-pairs --by spk --seed $(SEED) -o $@ $<

# ---- contrastive pretraining on these pairs ----
$(fold)/enc.st: $(fold)/pairs.ser $(fold)/train.ser
	ser-train contrastive --pairs $(word 1,$^) $(TRAIN_CONTRASTIVE) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) \
		-o $@ $(word 2,$^)

# ---- the recogniser: pretrained, and from scratch ----
$(fold)/pretrained.st: $(fold)/enc.st $(fold)/train.ser
	ser-train classify --label emo --init $(word 1,$^) $(TRAIN_CLASSIFY) --seed $(SEED) -t $(THREADS) \
		--log $(@:.st=.log.tsv) -o $@ $(word 2,$^)

$(fold)/scratch.st: $(fold)/train.ser
	ser-train classify --label emo $(TRAIN_CLASSIFY) --seed $(SEED) -t $(THREADS) --log $(@:.st=.log.tsv) -o $@ $<

define predict
$$(fold)/$(1).pred.ser: $$(fold)/$(1).st $$(fold)/test.ser
	ser-predict -m $$(word 1,$$^) -t $$(THREADS) $$(word 2,$$^) | ser-select true --drop feat -o $$@
endef
$(foreach m,pretrained scratch,$(eval $(call predict,$(m))))

# ---- scores over all folds, with intervals; pretrained against scratch, paired ----
METHODS := scratch pretrained
define scores
$$(WORK)/$(1).score.txt: $$(FOLDS:%=$$(WORK)/fold-%/$(1).pred.ser)
	ser-score classes --label emo --seed $$(SEED) $$^ > $$@.part
	mv $$@.part $$@

$$(WORK)/$(1).score.json: $$(FOLDS:%=$$(WORK)/fold-%/$(1).pred.ser)
	ser-score classes --label emo --seed $$(SEED) --json $$^ > $$@.part
	mv $$@.part $$@

$$(WORK)/$(1).pred.ser: $$(FOLDS:%=$$(WORK)/fold-%/$(1).pred.ser)
	ser-cat -o $$@ $$^
endef
$(foreach m,$(METHODS),$(eval $(call scores,$(m))))

$(WORK)/compare.json: $(WORK)/pretrained.pred.ser $(WORK)/scratch.pred.ser
	ser-score compare --label emo --seed $(SEED) --json $^ > $@.part
	mv $@.part $@

$(WORK)/report.txt: $(WORK)/compare.json $(METHODS:%=$(WORK)/%.score.json) $(METHODS:%=$(WORK)/%.score.txt) \
		$(foreach f,$(FOLDS),$(WORK)/fold-$(f)/clusters.json $(WORK)/fold-$(f)/clusters.txt)
	./report $(CORPUS) $(WORK) $(FOLDS) > $@.part
	mv $@.part $@
