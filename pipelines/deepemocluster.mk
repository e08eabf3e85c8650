# DeepEmoCluster (Lin, Sridhar and Busso 2021) on an ordinal attribute: chunks' clusters learnt beside it, with and without records that have no
# label, against the same network without clusters.
#
#   make deepemocluster DATA=/data            baved's level (0 low, 1 neutral, 2 high), three seeds
#   make deepemocluster DATA=/data QUICK=1    the same, one seed, few epochs
#
# Labels of a share of the training speakers are kept (LABELLED of ten), the others are the unlabelled part. Left in OUT: RESULTS.md, results.tsv.
include settings.mk

OUT     ?= out/deepemocluster$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make deepemocluster DATA=/where/they/are)
CORPORA ?= baved
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= 0 1 2
N_BOOT  ?= 1000
LABELLED ?= 3
CLUSTERS ?= 10

# The paper's chunks are 62 frames of 128 mel bands, its network has 32 channels; words are shorter.
FEATURES ?= --preset deepemocluster --num-mel-bins 40
CHUNK    ?= -m 31 -c 4
NETWORK  ?= --arch deepemocluster --hyper frames=31 --hyper channels=8 --hyper emb=64 --input-norm global
TRAIN    ?= --epochs $(if $(QUICK),4,15) --batch 256 --lr 0.001 --crop 0 --time-masks 0 --freq-masks 0
METHODS  ?= regress clusters unlabelled frozen
values    = --label arousal --loss ccc-mixed --hidden 64
deep      = deepcluster -k $(CLUSTERS) --hidden 64 $(NETWORK) $(TRAIN)
# command, tasks behind it, and which records: all, or those with labels
ARGS_regress    = regress $(values) $(NETWORK) $(TRAIN)
ARGS_clusters   = $(deep)
ARGS_unlabelled = $(deep)
ARGS_frozen     = $(deep)
MORE_clusters   = + regress $(values)
MORE_unlabelled = + regress $(values)
MORE_frozen     = + regress $(values) --frozen-head
DATA_unlabelled = all
DATA_frozen     = all
records         = $(or $(DATA_$(1)),labelled)

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- the level as column arousal; folds by speaker, and a share of speakers whose labels are kept ----
$(OUT)/baved.tsv: $(call uses,SEED)
	mkdir -p $(@D)
	ser-prep -q baved $(DATA)/baved | awk -F'\t' -v OFS='\t' 'BEGIN {v["low"] = 0; v["neutral"] = 1; v["high"] = 2} \
		NR == 1 {print $$0, "arousal"; next} {print $$0, v[$$4]}' | ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) > $@.part
	mv $@.part $@

$(OUT)/%.chunks.ser: $(OUT)/%.tsv $(call uses,FEATURES CHUNK)
	ser-wav2feat $(FEATURES) -q -t $(THREADS) $< | ser-chunk $(CHUNK) -o $@

# the last digit of the speaker's number
$(OUT)/%.labelled.ser: $(OUT)/%.chunks.ser $(call uses,LABELLED)
	ser-select 'spk =~ "[0-$(shell expr $(LABELLED) - 1)]$$"' -o $@ $<

$(OUT)/%.all.ser: $(OUT)/%.labelled.ser $(OUT)/%.chunks.ser
	ser-cat -o $@ $< <(ser-select 'spk !~ "[0-$(shell expr $(LABELLED) - 1)]$$"' $(word 2,$^) | ser-select --drop arousal true)

# ---- CORPUS/METHOD-SEED-FOLD.st, and what it predicts of utterances of the fold left out: means over chunks ----
define method
$$(OUT)/$(1)/$(2)-$(3)-%.st: $$(OUT)/$(1).$$(call records,$(2)).ser $$(call uses,ARGS_$(2) MORE_$(2))
	mkdir -p $$(@D)
	ser-train $$(ARGS_$(2)) --test-fold $$* --seed $(3) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$(MORE_$(2)) $$<

$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-%.st $$(OUT)/$(1).chunks.ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< --head values -t $$(THREADS) | ser-chunk --mean post -o $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(c),$(m),$(s))))))

SCORE   := regress --label arousal
COMPARE := --task regress --label arousal
TITLE   := DeepEmoCluster
include seeds.mk

$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(call uses,CORPORA METHODS SEEDS)
	@{ echo '# DeepEmoCluster'; echo; \
		echo 'Labels of the speakers whose number ends in one of $(LABELLED) digits; `regress` and `clusters` see these records alone, `unlabelled` and `frozen`'; \
		echo '(whose head is not trained) all. `$(FEATURES)`, chunks `$(CHUNK)`, `$(NETWORK) $(TRAIN)`, $(CLUSTERS) clusters.'; \
		echo; } > $@.part
	./seeds-report '$(OUT)' '$(CORPORA)' '$(METHODS)' '$(SEEDS)' >> $@.part
	mv $@.part $@
