# What is learnt of the corpora in CORPORA: an ordinal label as a number, or, of CORPUS-emotions, the emotions. Included by a recipe that makes
# OUT/CORPUS.tsv's features and trains; SEED and FOLDS are of the folds by speaker.

# The numbers: values of a label in their order, from START on.
LABEL_baved    ?= emo
VALUES_baved   ?= low neutral high
START_baved    ?= 0
LABEL_ravdess  ?= intensity
VALUES_ravdess ?= normal strong
START_ravdess  ?= 1

# $(call learnt,NAME): numbers or emotions; $(call corpus,NAMES): of which corpora; how each is learnt, for the report
learnt = $(if $(filter %-emotions,$(1)),emotions,numbers)
corpus = $(1:%-emotions=%)
goals  = $(foreach l,$(sort $(foreach c,$(CORPORA),$(call learnt,$(c)))),$(l): `$(GOAL_$(l))`)
tables = $(patsubst %,$(OUT)/%.tsv,$(sort $(call corpus,$(CORPORA))))

SCORE_numbers    = regress --label arousal
SCORE_emotions   = classes --label emo
COMPARE_numbers  = --task regress --label arousal
COMPARE_emotions = --label emo
$(foreach c,$(CORPORA),$(eval SCORE_$(c) := $(SCORE_$(call learnt,$(c))))$(eval COMPARE_$(c) := $(COMPARE_$(call learnt,$(c)))))

# ---- manifests, the numbers in column arousal ----
.DEFAULT_GOAL := report
number = awk -F'\t' -v OFS='\t' -v label=$(LABEL_$*) -v values='$(VALUES_$*)' -v start=$(START_$*) \
	'NR == 1 {for (i = 1; i <= NF; i++) if ($$i == label) c = i; n = split(values, v, " "); for (i = 1; i <= n; i++) number[v[i]] = start + i - 1; \
	 print $$0, "arousal"; next} {print $$0, number[$$c]}'
$(foreach c,$(sort $(call corpus,$(CORPORA))),$(eval $(OUT)/$(c).tsv: $$(call uses,DATA SEED FOLDS LABEL_$(c) VALUES_$(c) START_$(c))))
$(OUT)/%.tsv:
	mkdir -p $(@D)
	ser-prep -q $* $(DATA)/$* | $(if $(LABEL_$*),$(number),cat) | ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) > $@.part
	mv $@.part $@
