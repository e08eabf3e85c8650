# Contrastive language-audio pretraining with gender (Pan et al. 2024): classes told by texts, against a classifier of the same encoder.
#
#   make gemo-clap CORPUS=emodb DATA=/data/emodb    or emodb-gold, ravdess, nemo, iemocap: any of corpora/
#   make gemo-clap ... OTHER=ravdess OTHER_DATA=/data/ravdess    and zero-shot to another corpus
#   make gemo-clap ... QUICK=1                      two folds, one seed, few epochs
#   make gemo-clap CORPUS=iemocap DATA=/data/IEMOCAP AUDIO_MODEL=wavlm.st TEXT_MODEL=roberta.st    the paper's towers and training
#
# Folds leave speakers out. A method's dropout, learning rate and number of epochs are chosen by each fold anew, on speakers held out of its training ones,
# from the same CANDIDATES for every method; then it is trained on all of the training speakers by each seed. No test speaker
# has a part in any choice.
#
# Towers: without a model, functionals through an MLP, and a small RoBERTa over a vocabulary of the prompts. AUDIO_MODEL is a model of
# waveforms (ser-model import), all of it trained as the paper does; EMBED one that only embeds the sounds, once, for the MLP. TEXT_MODEL
# is NAME.st with its tokenizer in NAME beside it, as weights.mk leaves minilm.st; FREEZE_TEXT=all leaves it as it is.
# Left in OUT: RESULTS.md, results.tsv, predictions and scores; gemo-clap-summary puts several such runs side by side.
include settings.mk
CORPUS ?= emodb
OUT    ?= out/gemo-clap/$(CORPUS)$(if $(QUICK),-quick)
include corpora/$(CORPUS).mk

ROOT        ?= .
AUDIO_MODEL ?=
EMBED       ?=
TEXT_MODEL  ?=
FREEZE_TEXT ?=
TEXT_ENCODER ?= $(if $(TEXT_MODEL),--tokenizer $(TEXT_MODEL:.st=) --init $(TEXT_MODEL) $(if $(FREEZE_TEXT),--freeze $(FREEZE_TEXT)),--tokenizer $(OUT)/tok.json --arch roberta \
	--hyper vocab=512 --hyper dim=32 --hyper layers=1 --hyper heads=2 --hyper ffn=64 --hyper positions=64 --hyper dropout=0 --hyper attn_dropout=0)
ifneq ($(AUDIO_MODEL),)
# As the paper has it: batches of 8 on four processors, 14 s, Adam, 50 epochs with 5 of warm-up; its rate for all methods. A candidate is
# NAME=VALUE of the encoder, learning rate and epochs.
FEATURES    ?= --kind wave
ENCODER     ?= --field feat --init $(AUDIO_MODEL)
TRAIN       ?= --optimizer adam --weight-decay 0 --batch 32 --accumulate 4 --crop 14 --warmup-epochs $(if $(QUICK),0.1,5) --time-masks 0 --freq-masks 0
CANDIDATES  ?= dropout=0.1:1e-5:$(if $(QUICK),1,50)
PROJECT     ?= --hidden 512 --proj 512
else
FEATURES    ?= --kind compare --trim 30 --functionals mean,std,p5,p50,p95,slope
ENCODER     ?= --field func --arch mlp --hyper hidden=128 --weight-decay 0.05
# The target that is soft for a true match, too, is learnt slowly, so that the number of epochs is each method's own to choose.
TRAIN       ?=
CANDIDATES  ?= $(if $(QUICK),dropout=0.2:3e-3:4,$(foreach e,30 100,$(foreach d,0.2 0.6,dropout=$(d):1e-3:$(e) dropout=$(d):3e-3:$(e))))
PROJECT     ?= --hidden 128 --proj 64
endif
DRAWS        ?= 1
GENDER       ?= sex
ALPHAS       ?= $(if $(QUICK),0.9,0.7 0.8 0.9)
SEEDS        ?= $(if $(QUICK),1,1 2 3)
N_BOOT       ?= 1000
OTHER        ?=
OTHER_DATA   ?= $(error say where $(OTHER) is: OTHER_DATA=/where/it/is)
USED_FOLDS   := $(if $(QUICK),$(wordlist 1,2,$(FOLDS)),$(FOLDS))
# Said of one model, each alone, to see what wording does.
define WORDINGS
The emotion is {}
{}
This person sounds {}
Somebody speaks in {}
I feel {}
endef
export WORDINGS

# ---- methods: emo, sl-ALPHA and ml-ALPHA are the paper's; heads has a classifier of gender beside emo; ce none of the texts ----
field   = $(word 2,$(ENCODER))
emo    := clap -l emo $(PROJECT)
ce     := classify -l emo --smooth 0.1
rowsum := $(emo) --target rowsum
heads  := $(emo)
more_heads = + classify -l $(GENDER) --source $(field) --weight 0.1
$(foreach a,$(ALPHAS),$(eval sl-$(a) := $(emo) --gender $(GENDER) --alpha $(a))$(eval ml-$(a) := $(emo) --gender $(GENDER) --gender-mode multitask --alpha $(a)))
# What is chosen for one alpha, the middle one, goes for all.
family  = $(firstword $(subst -, ,$(1)))
mid    := $(or $(word 2,$(ALPHAS)),$(ALPHAS))
sl     := $(sl-$(mid))
ml     := $(ml-$(mid))
METHODS ?= emo ce $(ALPHAS:%=sl-%) $(ALPHAS:%=ml-%) heads rowsum
# Those that another corpus is asked by.
ZERO_SHOT ?= emo sl-$(mid) ml-$(mid)

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- vectors: each speaker's own mean and deviation are taken off: no label is used, but a test speaker's utterances are seen together ----
vectors = $(if $(EMBED),ser-embed -m $(abspath $(EMBED)) --name func,ser-wav2feat $(FEATURES)) -q -t $(THREADS) $(if $(AUDIO_MODEL),,| ser-norm --field func --by spk)
$(OUT)/manifest.tsv: $(AUDIO) $(call uses,ROOT PREP)
	mkdir -p $(@D)
	(cd '$(ROOT)' && $(PREP)) > $@.part
	mv $@.part $@

$(OUT)/func.ser: $(OUT)/manifest.tsv $(call uses,vectors FOLD)
	(cd '$(ROOT)' && $(vectors)) < $< | $(FOLD) -o $@

ifneq ($(OTHER),)
$(OUT)/other.ser: $(call uses,vectors OTHER OTHER_DATA)
	mkdir -p $(@D)
	ser-prep -q $(OTHER) $(OTHER_DATA) | ser-manifest --spk-prefix $(OTHER)- | $(vectors) | ser-cat -o $@
endif

# ---- a vocabulary of the texts ----
$(OUT)/tok.json: $(OUT)/func.ser $(call uses,WORDINGS)
	ser-tokenize -q --train 512 --label emo -o $@ $<

# ---- FAMILY-FOLD.options: what is chosen without the fold's speakers; FOLD all leaves nobody out ----
data  = $(OUT)/func.ser $(OUT)/tok.json $(call uses,ENCODER TEXT_ENCODER TRAIN PROJECT GENDER CANDIDATES DRAWS)
# $(1) method, $(2) fold, $(3) what else goes to ser-train
train = $($(1)) $(ENCODER) $(3) $(TRAIN) $(if $(filter all,$(2)),,--test-fold $(2)) -t $(THREADS) -q
parts = $(if $(filter ce,$(1)),,+ encoder $(TEXT_ENCODER)) $(more_$(1))
define choice
$$(OUT)/$(1)-%.options: $$(data) $$(call uses,$(1) more_$(1))
	./gemo-clap-choose $$@ $$(DRAWS) $$(CANDIDATES) -- $$(call train,$(1),$$*,{}) $$(call parts,$(1)) $$(OUT)/func.ser > $$@.part
	mv $$@.part $$@
endef
$(foreach f,$(sort $(foreach m,$(METHODS) $(ZERO_SHOT),$(call family,$(m)))),$(eval $(call choice,$(f))))

# ---- METHOD-SEED-FOLD.pred.ser: trained on the others, what it says of the fold; models of emo stay for what follows ----
FIRST := $(firstword $(SEEDS))
define method
$$(OUT)/$$(CORPUS)/$(1)-$(2)-%.pred.ser: $$(OUT)/$(call family,$(1))-%.options $$(data) $$(call uses,$(1) more_$(1))
	mkdir -p $$(@D)
	ser-train $$(call train,$(1),$$*,$$$$(cat $$<)) --seed $(2) --log $$(@:.pred.ser=.log) -o $$@.st $$(call parts,$(1)) $$(OUT)/func.ser
	ser-select 'fold == $$*' $$(OUT)/func.ser | ser-predict -m $$@.st --drop $$(field) -o $$@
	$$(if $$(filter emo,$(1)),mv $$@.st $$(@:.pred.ser=.st),rm $$@.st)
endef
$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(m),$(s)))))

CORPORA := $(CORPUS)
SCORE   := classes --label emo
COMPARE := --label emo
FOLDS   := $(USED_FOLDS)
TITLE   := Classes told by texts, $(CORPUS)
ABOUT   := $(OUT)/manifest.tsv
include seeds.mk
emo_model = $(OUT)/$(CORPUS)/emo-$(FIRST)-$(1).st

# ---- one model and every wording; the same texts and records as retrieval ----
$(OUT)/wordings.tsv: $(USED_FOLDS:%=$(OUT)/$(CORPUS)/emo-$(FIRST)-%.pred.ser) $(call uses,WORDINGS USED_FOLDS FIRST)
	echo "$$WORDINGS" | while IFS= read -r w; do for f in $(USED_FOLDS); do \
		ser-select "fold == $$f" $(OUT)/func.ser | ser-predict -m $(call emo_model,$$f) --prompt "$$w" --drop $(field); done | \
		ser-score classes --label emo --fold none --n-boot 0 --json | \
		jq -r --arg w "$$w" '[$$w, (.scores[] | select(.set == "pooled" and (.score == "uar" or .score == "war")).value)] | @tsv'; done > $@.part
	mv $@.part $@

$(OUT)/retrieval.json: $(USED_FOLDS:%=$(OUT)/$(CORPUS)/emo-$(FIRST)-%.pred.ser) $(call uses,USED_FOLDS FIRST N_BOOT)
	f=$(firstword $(USED_FOLDS)); m=$(call emo_model,$$f); ser-select "fold == $$f" $(OUT)/func.ser | ser-embed -m $$m --head audio --drop $(field) | \
		ser-embed -m $$m --head text --label emo --name text_emb | ser-score retrieval --label emo --n-boot $(N_BOOT) --json > $@.part
	mv $@.part $@

# ---- a class that was never trained: each in turn, asked for among all, of the first fold ----
$(OUT)/unseen.tsv: $(OUT)/emo-$(firstword $(USED_FOLDS)).options $(data) $(call uses,USED_FOLDS FIRST)
	f=$(firstword $(USED_FOLDS)); classes=$$(ser-dump $(OUT)/func.ser | jq -r .emo | sort -u | paste -sd,); for c in $${classes//,/ }; do \
		ser-select "emo != \"$$c\"" $(OUT)/func.ser | ser-train $(call train,emo,$$f,$$(cat $<)) --seed $(FIRST) -o $(OUT)/unseen.st $(call parts,emo) -; \
		ser-select "fold == $$f" $(OUT)/func.ser | ser-predict -m $(OUT)/unseen.st --classes "$$classes" --drop $(field) | \
		ser-dump | jq -r --arg c $$c 'select(.emo == $$c) | (.pred == $$c | if . then 1 else 0 end)' | \
		awk -v OFS='\t' -v c=$$c '{n++; k += $$1} END {print c, n + 0, k + 0}'; done > $@.part
	rm $(OUT)/unseen.st
	mv $@.part $@

# ---- another corpus: those of its records whose class was trained, asked by these classes; and all, by all of its classes ----
define other
$$(OUT)/other-$(1)-$(2).tsv: $$(OUT)/$(call family,$(1))-all.options $$(OUT)/other.ser $$(data) $$(call uses,OTHER N_BOOT)
	ser-train $$(call train,$(1),all,$$$$(cat $$<)) --seed $(2) -o $$@.st $$(call parts,$(1)) $$(OUT)/func.ser
	own=$$$$(ser-dump $$(OUT)/func.ser | jq -r .emo | sort -u); its=$$$$(ser-dump $$(OUT)/other.ser | jq -r .emo | sort -u); \
		for c in $$$$(comm -12 <(echo "$$$$own") <(echo "$$$$its") | paste -sd,) $$$$(paste -sd, <<< "$$$$its"); do \
		ser-select "emo =~ '^($$$${c//,/|})$$$$'" $$(OUT)/other.ser | ser-predict -m $$@.st --classes "$$$$c" --drop $$(field) | \
		ser-score classes --label emo --fold none --n-boot $$(N_BOOT) --json | jq -r --arg m $(1) --arg s $(2) --arg c "$$$$c" \
		'[$$$$m, $$$$s, $$$$c, .about.n, .about.speakers, (first(.scores[] | select(.set == "pooled" and .score == "uar")) | .value, .spk_lo, .spk_hi)] | @tsv'; done > $$@.part
	rm $$@.st
	mv $$@.part $$@
endef
$(foreach m,$(ZERO_SHOT),$(foreach s,$(SEEDS),$(eval $(call other,$(m),$(s)))))

$(OUT)/RESULTS.md: gemo-clap-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(OUT)/wordings.tsv $(OUT)/retrieval.json $(OUT)/unseen.tsv \
		$(if $(OTHER),$(foreach m,$(ZERO_SHOT),$(SEEDS:%=$(OUT)/other-$(m)-%.tsv))) $(call uses,METHODS SEEDS USED_FOLDS OTHER ZERO_SHOT TEXT_MODEL FREEZE_TEXT)
	CORPUS='$(CORPUS)' METHODS='$(METHODS)' SEEDS='$(SEEDS)' FOLDS='$(USED_FOLDS)' OTHER='$(OTHER)' ENCODER='$(ENCODER)' TRAIN='$(TRAIN)' \
		TEXT='$(or $(notdir $(TEXT_MODEL)),a small RoBERTa from scratch)$(if $(FREEZE_TEXT), (frozen))' CANDIDATES='$(CANDIDATES)' DRAWS='$(DRAWS)' \
		SOUND='$(or $(notdir $(AUDIO_MODEL)),$(notdir $(EMBED)),$(FEATURES))' ./gemo-clap-report $(OUT) > $@.part
	$(spent) >> $@.part
	mv $@.part $@
