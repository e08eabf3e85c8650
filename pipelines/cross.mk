# Trained on one corpus, heard on another: what a recogniser keeps where speakers, language, microphones and acting are others.
#
#   make cross DATA=/data            CORPORA, each against each other: RESULTS.md, results.tsv
#   make cross DATA=/data QUICK=1    EmoDB and RAVDESS, features as they are
#
# Of two corpora the classes that both have; those that one lacks are left out on both sides, and named. Corpora call the same emotion the same
# (ser-prep); RENAME_ravdess=calm=neutral makes one of two. Beside it stands what the tested corpus' own other speakers teach of the same
# classes, a part of the speakers left out at a time. Costs are chosen on speakers held out of the training ones.
include settings.mk

OUT     ?= out/cross$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make cross DATA=/where/they/are)
CORPORA ?= emodb ravdess $(if $(QUICK),,nemo)
NORMS   ?= none $(if $(QUICK),,speaker)
RENAME_ravdess ?= calm=neutral
PARTS   ?= 5
N_BOOT  ?= 2000

FUNCTIONALS ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
LEARN       ?= --loss logistic --cost 1e-4,1e-3,1e-2

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- the corpora, whose speakers' names may be the same ----
prep = $(or $(PREP_$(1)),ser-prep -q $(1) $(DATA)/$(1) $(RENAME_$(1):%=--emo-map %)) | ser-manifest --utt-prefix $(1)- --spk-prefix $(1)-
$(foreach c,$(CORPORA),$(eval MANIFEST_$(c) = $$(call prep,$(c))) $(eval $(OUT)/$(c).tsv: $$(call uses,MANIFEST_$(c))))
$(OUT)/%.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) > $@.part
	mv $@.part $@

NORMALISE_none    := ser-cat
NORMALISE_speaker := ser-norm --field func --by spk
$(OUT)/%.func.ser: $(OUT)/%.tsv $(call uses,FUNCTIONALS)
	ser-wav2feat $(FUNCTIONALS) -q -t $(THREADS) -o $@ $<

# ---- FROM.ON: $(1) normalisation, $(2) and $(3) corpora ----
classes = <(ser-dump --tsv emo $(1) | tail -n +2 | sort -u)
these   = ser-select "emo =~ '^($$(comm -12 $(call classes,$(1)) $(call classes,$(2)) | paste -sd '|'))$$'"
learn   = ser-svm --label emo $(LEARN) --seed $(SEED) -q
define normalised
$$(OUT)/$(1)/$(2).ser: $$(OUT)/$(2).func.ser $$(call uses,NORMALISE_$(1))
	mkdir -p $$(@D)
	$$(NORMALISE_$(1)) -o $$@ $$<
endef
define pair
$$(OUT)/$(1)/$(2).$(3).across.ser: $$(OUT)/$(1)/$(2).ser $$(OUT)/$(1)/$(3).ser $$(call uses,LEARN SEED)
	$$(call these,$$<,$$(word 2,$$^)) $$< | $$(learn) -o $$@.st
	$$(call these,$$<,$$(word 2,$$^)) $$(word 2,$$^) | ser-predict -q -m $$@.st --drop func -o $$@
	rm $$@.st

$$(OUT)/$(1)/$(2).$(3).own.ser: $$(OUT)/$(1)/$(2).ser $$(OUT)/$(1)/$(3).ser $$(call uses,LEARN PARTS SEED)
	$$(call these,$$<,$$(word 2,$$^)) $$(word 2,$$^) | ser-fold kfold -k $$(PARTS) --seed $$(SEED) -q -o $$@.all
	for f in $$$$(seq 0 $$$$(($$(PARTS) - 1))); do \
		$$(learn) --test-fold $$$$f -o $$@.st $$@.all; ser-select "fold == $$$$f" $$@.all | ser-predict -q -m $$@.st --drop func -o $$@.$$$$f; done
	ser-cat -o $$@ $$(foreach f,$$(shell seq 0 $$$$(($$(PARTS) - 1))),$$@.$$(f))
	rm $$@.*

$$(OUT)/$(1)/$(2).$(3).json: $$(OUT)/$(1)/$(2).$(3).across.ser $$(OUT)/$(1)/$(2).$(3).own.ser $$(OUT)/$(2).func.ser $$(OUT)/$(3).func.ser $$(call uses,N_BOOT SEED)
	jq -n --arg from $(2) --arg on $(3) --arg norm $(1) --arg a "$$$$(comm -23 $$(call classes,$$(word 3,$$^)) $$(call classes,$$(word 4,$$^)))" \
		--arg b "$$$$(comm -13 $$(call classes,$$(word 3,$$^)) $$(call classes,$$(word 4,$$^)))" --argjson across "$$$$($$(score) $$<)" \
		--argjson own "$$$$($$(score) $$(word 2,$$^))" '{$$$$from, $$$$on, $$$$norm, lacks: {from: ($$$$b / "\n"), on: ($$$$a / "\n")}, $$$$across, $$$$own}' > $$@.part
	mv $$@.part $$@
endef
score = ser-score classes --label emo --fold none --n-boot $(N_BOOT) --seed $(SEED) --json
$(foreach n,$(NORMS),$(foreach c,$(CORPORA),$(eval $(call normalised,$(n),$(c))) $(foreach d,$(filter-out $(c),$(CORPORA)),$(eval $(call pair,$(n),$(c),$(d))))))
pairs = $(foreach n,$(NORMS),$(foreach c,$(CORPORA),$(foreach d,$(filter-out $(c),$(CORPORA)),$(OUT)/$(n)/$(c).$(d)$(1))))

# ---- the report ----
row = def uar: first(.scores[] | select(.set == "pooled" and .score == "uar")) | .value, .spk_lo, .spk_hi; \
	[.norm, .from, .on, .across.about.n, .across.about.speakers, .across.about.train_test_speaker_overlap, .across.about.classes, \
	(.lacks.on | join(" ")), (.lacks.from | join(" ")), (.across | uar), (.own | uar)] | @tsv
$(OUT)/results.tsv: $(call pairs,.json) $(call uses,CORPORA NORMS)
	printf '%s\n' features trained tested records speakers overlap classes tested_lacks trained_lacks uar lo hi own_uar own_lo own_hi | paste -s > $@.part
	jq -r '$(row)' $(inputs) >> $@.part
	mv $@.part $@

$(OUT)/RESULTS.md: $(OUT)/results.tsv $(call uses,FUNCTIONALS LEARN PARTS SEED)
	{ echo '# Trained on one corpus, heard on another'; echo; \
		echo 'Logistic regression (`$(LEARN)`) on `$(FUNCTIONALS)`, unweighted average recall in percent over the classes that both corpora have,'; \
		echo 'with 95 % intervals of a bootstrap over speakers; beside it what the other speakers of the tested corpus teach of the same classes, in $(PARTS)'; \
		echo 'parts. Chance is 100 by the number of classes. Features as they are and normalised by all that a speaker says must not be compared. Seed $(SEED).'; \
	} > $@.part
	awk -F'\t' 'NR > 1 && $$1 != n {n = $$1; printf "\n## Features %s\n\n| trained on | tested on | records | speakers | shared with training | classes | the tested lacks | the other lacks | UAR | 95 %% | own speakers | 95 %% |\n", \
		n == "none" ? "as they are" : "normalised by speaker"; for (i = 0; i < 12; i++) printf "|---"; print "|"} \
		NR > 1 {printf "| %s | %s | %d | %d | %d | %d | %s | %s | %.1f | %.1f - %.1f | %.1f | %.1f - %.1f |\n", $$2, $$3, $$4, $$5, $$6, $$7, $$8, $$9, \
		100 * $$10, 100 * $$11, 100 * $$12, 100 * $$13, 100 * $$14, 100 * $$15}' $< >> $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page ----
$(OUT)/report.html: $(OUT)/RESULTS.md $(CORPORA:%=$(OUT)/%.tsv)
	ser-report --title 'Trained on one corpus, heard on another' --fold none --seed $(SEED) --n-boot $(N_BOOT) -t $(THREADS) -q -o $@ \
		$(foreach p,$(call pairs,.across.ser),$(subst /,-,$(subst .,-,$(patsubst $(OUT)/%.across.ser,%,$(p))))=$(p)) $(CORPORA:%=$(OUT)/%.tsv)
