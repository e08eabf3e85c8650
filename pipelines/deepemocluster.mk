# DeepEmoCluster (Lin, Sridhar and Busso 2021) on an ordinal attribute and on emotions: chunks' clusters learnt beside them, with and without
# records that have no label, against the same network without clusters.
#
#   make deepemocluster DATA=/data            baved's level (0 low, 1 neutral, 2 high) and ravdess' intensity (1, 2); ravdess' emotions
#   make deepemocluster DATA=/data QUICK=1    baved, one seed, few epochs
#
# Labels of a share of the training speakers are kept (LABELLED of ten), the others are the unlabelled part. Left in OUT: RESULTS.md, results.tsv.
include settings.mk

OUT     ?= out/deepemocluster$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make deepemocluster DATA=/where/they/are)
# Numbers, unless -emotions says that classes are learnt.
CORPORA ?= $(if $(QUICK),baved,baved ravdess ravdess-emotions)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= 0 1 2
N_BOOT  ?= 1000
LABELLED ?= 3
CLUSTERS ?= 10

# The paper's chunks are 62 frames of 128 mel bands, its network has 32 channels; words are shorter.
FEATURES ?= --preset deepemocluster --num-mel-bins 40
CHUNK_baved   ?= -m 31 -c 4
CHUNK_ravdess ?= -m 62 -c 4
NETWORK  ?= --arch deepemocluster --hyper channels=8 --hyper emb=64 --input-norm global
TRAIN    ?= --epochs $(if $(QUICK),4,15) --batch 256 --lr 0.001 --crop 0 --time-masks 0 --freq-masks 0
METHODS  ?= regress clusters unlabelled frozen
GOAL_numbers  = regress --label arousal --loss ccc-mixed --hidden 64
GOAL_emotions = classify --label emo --hidden 64
HEAD_numbers  = values
HEAD_emotions = emo
deep          = deepcluster -k $(CLUSTERS) --hidden 64
# command, tasks behind it, and which records: all, or those with labels; $(1): what is learnt
ARGS_regress    = $(GOAL_$(1))
ARGS_clusters   = $(deep)
ARGS_unlabelled = $(deep)
ARGS_frozen     = $(deep)
MORE_clusters   = + $(GOAL_$(1))
MORE_unlabelled = + $(GOAL_$(1))
MORE_frozen     = + $(GOAL_$(1)) --frozen-head
DATA_unlabelled = all
DATA_frozen     = all
records         = $(or $(DATA_$(1)),labelled)

include numbers.mk

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- chunks, and a share of speakers whose labels are kept ----
$(OUT)/%.chunks.ser: $(OUT)/%.tsv $(call uses,FEATURES CHUNK_baved CHUNK_ravdess)
	ser-wav2feat $(FEATURES) -q -t $(THREADS) $< | ser-chunk $(CHUNK_$*) -o $@

# the last digit of the speaker's number
$(OUT)/%.labelled.ser: $(OUT)/%.chunks.ser $(call uses,LABELLED)
	ser-select 'spk =~ "[0-$(shell expr $(LABELLED) - 1)]$$"' -o $@ $<

$(OUT)/%.all.ser: $(OUT)/%.labelled.ser $(OUT)/%.chunks.ser
	ser-cat -o $@ $< <(ser-select 'spk !~ "[0-$(shell expr $(LABELLED) - 1)]$$"' $(word 2,$^) | ser-select --drop arousal,emo true)

# ---- CORPUS/METHOD-SEED-FOLD.st, and what it predicts of utterances of the fold left out: means over chunks ----
# $(1) CORPUS or CORPUS-emotions, $(2) method, $(3) seed, $(4) what is learnt, $(5) corpus
define method
$$(OUT)/$(1)/$(2)-$(3)-%.st: $$(OUT)/$(5).$$(call records,$(2)).ser $$(call uses,ARGS_$(2) MORE_$(2) GOAL_$(4) NETWORK TRAIN CLUSTERS)
	mkdir -p $$(@D)
	ser-train $$(call ARGS_$(2),$(4)) --hyper frames=$$(word 2,$$(CHUNK_$(5))) $$(NETWORK) $$(TRAIN) --test-fold $$* --seed $(3) -t $$(THREADS) -q \
		--log $$(@:.st=.log) -o $$@ $$(call MORE_$(2),$(4)) $$<

$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-%.st $$(OUT)/$(5).chunks.ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< --head $$(HEAD_$(4)) -t $$(THREADS) | ser-chunk --mean post -o $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(c),$(m),$(s),$(call learnt,$(c)),$(call corpus,$(c)))))))

TITLE := DeepEmoCluster
ABOUT := $(tables)
include seeds.mk

# methods of these records
those = $(strip $(foreach m,$(METHODS),$(if $(filter $(1),$(call records,$(m))),`$(m)`)))
$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(call uses,CORPORA METHODS SEEDS)
	@{ echo '# DeepEmoCluster'; echo; \
		echo 'Labels of the speakers whose number ends in one of $(LABELLED) digits. Trained on these records alone: $(call those,labelled);'; \
		echo 'on all: $(or $(call those,all),none)$(if $(filter frozen,$(METHODS)), (the head of the last is not trained)). `$(FEATURES)`, chunks $(foreach c,$(sort $(call corpus,$(CORPORA))),`$(CHUNK_$(c))` ($(c)),)'; \
		echo '`$(NETWORK) $(TRAIN)`, $(CLUSTERS) clusters; $(goals).'; \
		echo; } > $@.part
	./seeds-report '$(OUT)' '$(CORPORA)' '$(METHODS)' '$(SEEDS)' >> $@.part
	$(spent) >> $@.part
	mv $@.part $@
