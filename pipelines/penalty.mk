# A penalty by how seldom listeners choose two emotions together: CREMA-D's votes on its own six classes, emodb and ravdess as test beds.
#
#   make penalty DATA=/data            alpha and beta as in the paper, three seeds, speakers left out in folds
#   make penalty DATA=/data QUICK=1    emodb, one seed
#
# The votes are from speakers of neither corpus; the labels here are acted and hard, so the loss is cross entropy. Left in OUT: penalty.json,
# RESULTS.md, results.tsv, and below CORPUS predictions and scores.
include settings.mk

OUT     ?= out/penalty$(if $(QUICK),-quick)
DATA    ?= $(error say where the corpora are: make penalty DATA=/where/they/are)
VOTES   ?= $(DATA)/labels/cremad-tabulatedVotes.csv
CORPORA ?= $(if $(QUICK),emodb,emodb ravdess)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= 0 1 2 3 4
N_BOOT  ?= 1000
CLASSES ?= anger disgust fear happiness neutral sadness

FEATURES ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
TRAIN    ?= --field func --arch mlp --hyper hidden=128 --hyper dropout=0.6 --weight-decay 0.05 --epochs 40
# beta of the loss, alpha of the penalty
METHODS   ?= none half one alone coupled
HOW_none    =
HOW_half    = --penalty $(OUT)/penalty.json --beta 1 --alpha 0.5
HOW_one     = --penalty $(OUT)/penalty.json --beta 1 --alpha 1
HOW_alone   = --penalty $(OUT)/penalty.json --beta 0 --alpha 1
HOW_coupled = --penalty $(OUT)/penalty.json --beta 1 --alpha 1 --coupled

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- penalties ----
$(OUT)/votes.ser: $(VOTES) $(call uses,VOTES)
	mkdir -p $(@D)
	awk -F, -v OFS='\t' 'BEGIN {print "id", "path", "spk"} NR > 1 {gsub(/"/, "", $$8); if (!seen[$$8]++) print $$8, $$8 ".wav", substr($$8, 1, 4)}' $< | \
		ser-manifest --votes $< | awk -F'\t' 'NR == 1 {n = split($$0, name, "\t"); next} {printf "{\"id\": \"%s\", \"spk\": \"cremad-%s\"", $$1, $$3; \
		for (i = 5; i <= n; i++) printf ", \"%s\": %d", name[i], $$i; print "}"}' | ser-cat --from json -o $@

$(OUT)/penalty.json: $(OUT)/votes.ser $(call uses,CLASSES)
	ser-score cooccurrence $(CLASSES:%=--votes vote.%) --json $< > $@.part
	mv $@.part $@

# ---- the six classes, folds by speaker ----
$(CORPORA:%=$(OUT)/%.ser): $(OUT)/%.ser: $(call uses,DATA FEATURES CLASSES SEED FOLDS)
	mkdir -p $(@D)
	ser-prep -q $* $(DATA)/$* | awk -F'\t' -v keep=' $(CLASSES) ' 'NR == 1 || index(keep, " " $$4 " ")' | \
		ser-manifest --utt-prefix $*- --spk-prefix $*- | ser-fold kfold -k $(words $(FOLDS)) --by spk --seed $(SEED) | \
		ser-wav2feat $(FEATURES) -q -t $(THREADS) -o $@

# ---- CORPUS/METHOD-SEED-FOLD.st, and what it predicts of the fold left out ----
define method
$$(OUT)/$(1)/$(2)-$(3)-%.st: $$(OUT)/$(1).ser $$(OUT)/penalty.json $$(call uses,TRAIN HOW_$(2))
	mkdir -p $$(@D)
	ser-train classify --label emo --test-fold $$* $$(TRAIN) $$(HOW_$(2)) --seed $(3) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$<

$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-%.st $$(OUT)/$(1).ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< -t $$(THREADS) --drop func -o $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(c),$(m),$(s))))))

SCORE   := classes --label emo
COMPARE := --label emo
TITLE   := A penalty between emotions that are seldom chosen together
ABOUT   := $(CORPORA:%=$(OUT)/%.ser)
include seeds.mk

$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(call uses,CORPORA METHODS SEEDS)
	@{ echo '# A penalty between emotions that are seldom chosen together'; echo; \
		echo 'Penalties: '"$$(jq -r '"\(.about.n) clips of \(.about.speakers) speakers"' $(OUT)/penalty.json)"' of CREMA-D, votes of listeners. beta and alpha: none 1, 0;'; \
		echo 'half 1, 0.5; one 1, 1; alone 0, 1, as printed (weights of classes); coupled 1, 1, our form. `$(TRAIN)`, `$(FEATURES)`.'; \
		echo; } > $@.part
	./seeds-report '$(OUT)' '$(CORPORA)' '$(METHODS)' '$(SEEDS)' >> $@.part
	$(spent) >> $@.part
	mv $@.part $@
