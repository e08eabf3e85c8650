# Contrastive language-audio pretraining with gender (Pan et al. 2024): classes told by texts, against a classifier of the same encoder.
#
#   make gemo-clap CORPUS=emodb DATA=/data/emodb    or ravdess, or any of corpora/
#   make gemo-clap ... QUICK=1                      two folds, one seed, few epochs
#
# Folds leave speakers out; a share of the others chooses the epoch. Every method has the same encoder of sounds, functionals through
# an MLP, and of texts, a small RoBERTa over a vocabulary of the prompts; ENCODER and TEXT_ENCODER replace them, by pretrained ones as well:
#   ENCODER='--field feat --arch wavlm --init wavlm.st'  TEXT_ENCODER='--tokenizer roberta/ --arch roberta --init roberta.st --freeze all'
# Left in OUT: RESULTS.md, results.tsv, models, predictions and scores.
include settings.mk
CORPUS ?= emodb
OUT    ?= out/gemo-clap/$(CORPUS)$(if $(QUICK),-quick)
include corpora/$(CORPUS).mk

ROOT         ?= .
FEATURES     ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
ENCODER      ?= --field func --arch mlp --hyper hidden=128 --hyper dropout=0.2 --weight-decay 0.05
TEXT_ENCODER ?= --tokenizer $(OUT)/tok.json --arch roberta --hyper vocab=512 --hyper dim=64 --hyper layers=2 --hyper heads=4 --hyper ffn=128 \
	--hyper positions=64 --hyper dropout=0 --hyper attn_dropout=0
TRAIN        ?= --epochs $(if $(QUICK),4,40) --dev-frac 0.2
PROJECT      ?= --hidden 128 --proj 64
GENDER       ?= sex
ALPHAS       ?= $(if $(QUICK),0.9,0.7 0.8 0.9)
SEEDS        ?= $(if $(QUICK),1,1 2 3)
N_BOOT       ?= 1000
USED_FOLDS   ?= $(if $(QUICK),$(wordlist 1,2,$(FOLDS)),$(FOLDS))
# Said of one model, each alone, to see what wording does.
define WORDINGS
The emotion is {}
{}
This person sounds {}
Somebody speaks in {}
endef
export WORDINGS

# ---- methods ----
ce      := classify -l emo --smooth 0.1
emo     := clap -l emo $(PROJECT)
rowsum  := $(emo) --target rowsum
$(foreach a,$(ALPHAS),$(eval sl-$(a) := $(emo) --gender $(GENDER) --alpha $(a))$(eval ml-$(a) := $(emo) --gender $(GENDER) --gender-mode multitask --alpha $(a)))
METHODS ?= ce emo $(ALPHAS:%=sl-%) $(ALPHAS:%=ml-%) rowsum

.PHONY: report
report: $(OUT)/RESULTS.md
	@cat $<

$(OUT)/manifest.tsv: $(AUDIO) $(call uses,ROOT PREP)
	mkdir -p $(@D)
	(cd '$(ROOT)' && $(PREP)) > $@.part
	mv $@.part $@

# ---- each speaker's own mean and deviation are taken off: no label is used, but a test speaker's utterances are seen together ----
$(OUT)/func.ser: $(OUT)/manifest.tsv $(call uses,FEATURES FOLD)
	ser-wav2feat $(FEATURES) --root '$(ROOT)' --allow-absolute -q -t $(THREADS) $< | ser-norm --field func --by spk | $(FOLD) -o $@

# ---- a vocabulary of the texts ----
$(OUT)/tok.json: $(OUT)/func.ser $(call uses,WORDINGS)
	ser-tokenize -q --train 512 --label emo -o $@ $<

# ---- METHOD-SEED-FOLD.st, and what it says of the fold left out ----
define method
$$(OUT)/$(1)-$(2)-%.st: $$(OUT)/func.ser $$(OUT)/tok.json $$(call uses,ENCODER TEXT_ENCODER TRAIN PROJECT GENDER)
	ser-train $$($(1)) $$(ENCODER) $$(TRAIN) --test-fold $$* --seed $(2) -t $$(THREADS) -q -o $$@ $$(if $$(filter ce,$(1)),,+ encoder $$(TEXT_ENCODER)) $$<

$$(OUT)/$(1)-$(2)-%.pred.ser: $$(OUT)/$(1)-$(2)-%.st $$(OUT)/func.ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< --drop func -o $$@

$$(OUT)/$(1)-$(2).pred.ser: $$(USED_FOLDS:%=$$(OUT)/$(1)-$(2)-%.pred.ser) $$(call uses,USED_FOLDS)
	ser-cat -o $$@ $$(inputs)

$$(OUT)/$(1)-$(2).json: $$(OUT)/$(1)-$(2).pred.ser $$(call uses,N_BOOT)
	ser-score classes --label emo --n-boot $$(N_BOOT) --json $$< > $$@.part
	mv $$@.part $$@

$$(OUT)/$(1)-$(2).vs.json: $$(OUT)/$(1)-$(2).pred.ser $$(OUT)/emo-$(2).pred.ser $$(call uses,N_BOOT)
	ser-score compare --label emo --n-boot $$(N_BOOT) --json $$(wordlist 1,2,$$^) > $$@.part
	mv $$@.part $$@
endef
$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(m),$(s)))))

# ---- one model and every wording; the same texts and records as retrieval ----
FIRST := $(firstword $(SEEDS))
$(OUT)/wordings.tsv: $(USED_FOLDS:%=$(OUT)/emo-$(FIRST)-%.st) $(OUT)/func.ser $(call uses,WORDINGS USED_FOLDS)
	echo "$$WORDINGS" | while IFS= read -r w; do for f in $(USED_FOLDS); do \
		ser-select "fold == $$f" $(OUT)/func.ser | ser-predict -m $(OUT)/emo-$(FIRST)-$$f.st --prompt "$$w" --drop func; done | \
		ser-score classes --label emo --n-boot 0 --json | \
		jq -r --arg w "$$w" '[$$w, (.scores[] | select(.set == "pooled" and (.score == "uar" or .score == "war")).value)] | @tsv'; done > $@.part
	mv $@.part $@

$(OUT)/retrieval.json: $(USED_FOLDS:%=$(OUT)/emo-$(FIRST)-%.st) $(OUT)/func.ser $(call uses,USED_FOLDS N_BOOT)
	f=$(firstword $(USED_FOLDS)); m=$(OUT)/emo-$(FIRST)-$$f.st; ser-select "fold == $$f" $(OUT)/func.ser | ser-embed -m $$m --head audio --drop func | \
		ser-embed -m $$m --head text --label emo --name text_emb | ser-score retrieval --label emo --n-boot $(N_BOOT) --json > $@.part
	mv $@.part $@

# ---- a class that was never trained: each in turn, asked for among all ----
$(OUT)/unseen.tsv: $(OUT)/func.ser $(OUT)/tok.json $(call uses,ENCODER TEXT_ENCODER TRAIN PROJECT USED_FOLDS)
	f=$(firstword $(USED_FOLDS)); for c in $$(ser-dump $< | jq -r .emo | sort -u); do \
		ser-select "emo != \"$$c\"" $< | ser-train $(emo) $(ENCODER) $(TRAIN) --test-fold $$f --seed $(FIRST) -q -o $(OUT)/unseen.st + encoder $(TEXT_ENCODER); \
		ser-select "fold == $$f" $< | ser-predict -m $(OUT)/unseen.st --classes "$$(ser-dump $< | jq -r .emo | sort -u | paste -sd,)" | \
		ser-dump | jq -r --arg c $$c 'select(.emo == $$c) | (.pred == $$c | if . then 1 else 0 end)' | \
		awk -v OFS='\t' -v c=$$c '{n++; k += $$1} END {print c, n + 0, k + 0}'; done > $@.part
	mv $@.part $@

$(OUT)/RESULTS.md: gemo-clap-report $(foreach s,$(SEEDS),$(METHODS:%=$(OUT)/%-$(s).json) $(patsubst %,$(OUT)/%-$(s).vs.json,$(filter-out emo,$(METHODS)))) \
		$(OUT)/wordings.tsv $(OUT)/retrieval.json $(OUT)/unseen.tsv
	CORPUS='$(CORPUS)' METHODS='$(METHODS)' SEEDS='$(SEEDS)' ENCODER='$(ENCODER)' ./gemo-clap-report $(OUT) > $@.part
	mv $@.part $@
