# Methods on corpora by seeds: what each says of all folds together, its scores, and those against the first method's. Included by a recipe
# that has set CORPORA, METHODS, SEEDS, FOLDS, N_BOOT, SCORE (mode and label of ser-score) and COMPARE (its options of ser-score
# compare), or SCORE_CORPUS and COMPARE_CORPUS where corpora differ, and that makes OUT/CORPUS/METHOD-SEED-FOLD.pred.ser. TITLE is its page's, LOG(CORPUS,METHOD) where one of its trainings is told, SHOWN
# are the corpora that the page has systems of, ABOUT the tables or streams of whom they are.
define seed_scores
$$(OUT)/$(1)/$(2)-$(3).pred.ser: $$(FOLDS:%=$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser) $$(call uses,FOLDS)
	ser-cat -o $$@ $$(inputs)

$$(OUT)/$(1)/$(2)-$(3).score.json: $$(OUT)/$(1)/$(2)-$(3).pred.ser $$(call uses,N_BOOT)
	ser-score $$(or $$(SCORE_$(1)),$$(SCORE)) --fold none --n-boot $$(N_BOOT) --seed $(3) --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)/$(2)-$(3).compare.json: $$(OUT)/$(1)/$(2)-$(3).pred.ser $$(OUT)/$(1)/$$(firstword $$(METHODS))-$(3).pred.ser $$(call uses,N_BOOT METHODS)
	ser-score compare $$(or $$(COMPARE_$(1)),$$(COMPARE)) --fold none --n-boot $$(N_BOOT) --seed $(3) --json $$< $$(OUT)/$(1)/$$(firstword $$(METHODS))-$(3).pred.ser > $$@.part
	mv $$@.part $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call seed_scores,$(c),$(m),$(s))))))

runs = $(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(OUT)/$(c)/$(m)-$(s))))

# ---- the page, of the first seed: each method's folds as one system, or their scores where these are of numbers; the first fold's training ----
first   := $(firstword $(SEEDS))
SHOWN   ?= $(CORPORA)
ABOUT   ?= $(SHOWN:%=$(OUT)/%.tsv)
LOG     ?= $(OUT)/$(1)/$(2)-$(first)-$(firstword $(FOLDS)).log
# $(call shown,CORPUS,ENDING,METHODS): these by name
shown    = $(foreach m,$(3),$(if $(word 2,$(SHOWN)),$(1)-)$(m)=$(OUT)/$(1)/$(m)-$(first).$(2))
scored   = $(if $(filter regress,$(or $(SCORE_$(1)),$(SCORE))),score.json,pred.ser)
systems  = $(foreach c,$(SHOWN),$(call shown,$(c),$(call scored,$(c)),$(METHODS)) $(call shown,$(c),compare.json,$(wordlist 2,99,$(METHODS))))
$(OUT)/report.html: $(ABOUT) $(foreach s,$(systems),$(lastword $(subst =, ,$(s)))) $(call uses,SHOWN METHODS SEEDS TITLE N_BOOT)
	ser-report --title '$(TITLE), seed $(first)' --n-boot $(N_BOOT) -t $(THREADS) -q -o $@ $(systems) \
		$(foreach c,$(SHOWN),$(foreach m,$(METHODS),$(if $(word 2,$(SHOWN)),$(c)-)$(m)=$(call LOG,$(c),$(m)))) $(ABOUT)
