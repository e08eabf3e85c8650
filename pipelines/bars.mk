# Where this project stands beside published figures: the same speakers left out, settings chosen on training speakers alone.
#
#   make bars DATA=/data            all protocols and systems; pipelines/bars.tsv has the published figures and their sources
#   make bars DATA=/data QUICK=1    EmoDB by its authors' division, no network
#   make bars DATA=/data ENCODERS=out/weights/whisper-base.st    and layers of frozen transformers, as systems NAME-layers
#
# A protocol is CORPUS-NAME: how it divides speakers, and which of its folds are tested. A system is features and a learner, FEATURES-LEARNER;
# FEATURES+FEATURES are two side by side. Features are taken as they are, or each speaker's own mean and deviation off them, which looks at
# a test speaker's utterances together: a setting of its own, never to be compared with the other. Corpora that are not in DATA are left
# out. Left in OUT: RESULTS.md, results.tsv, and below NORM/PROTOCOL predictions and scores.
include settings.mk

OUT  ?= out/bars$(if $(QUICK),-quick)
DATA ?= $(error say where the corpora are: make bars DATA=/where/they/are)
NORMS     ?= none speaker
PROTOCOLS ?= $(if $(QUICK),emodb-gold,$(foreach p,ravdess-loso ravdess-emobox emodb-loso emodb-gold nemo-loso savee-emobox emovo-emobox,\
	$(if $(PREP_$(call corpus,$(p)))$(wildcard $(DATA)/$(call corpus,$(p))),$(p))))
# Transformers of sounds (ser-model import) that are never trained here.
ENCODERS  ?=
named     := $(basename $(notdir $(ENCODERS)))
SYSTEMS   ?= egemaps-logistic egemaps-svm opensmile-logistic opensmile-svm compare-logistic functionals-logistic functionals+compare-logistic $(if $(QUICK),,functionals-net) \
	$(named:%=%-layers)
SEEDS     ?= 1 2 3 4 5 6 7 8 9 10
N_BOOT    ?= 2000

corpus = $(firstword $(subst -, ,$(1)))
DIVIDE_ravdess-loso   ?= ser-fold loso -q
TESTED_ravdess-loso   ?= $(shell seq 0 23)
DIVIDE_ravdess-emobox ?= ser-fold published ravdess:emobox -q
TESTED_ravdess-emobox ?= 1 2 3 4 5 6
DIVIDE_emodb-loso     ?= ser-fold loso -q
TESTED_emodb-loso     ?= 0 1 2 3 4 5 6 7 8 9
DIVIDE_emodb-gold     ?= ser-fold published emodb:gold -q
TESTED_emodb-gold     ?= 1
DIVIDE_savee-emobox   ?= ser-fold published savee:emobox -q
TESTED_savee-emobox   ?= 1 2 3 4
DIVIDE_emovo-emobox   ?= ser-fold published emovo:emobox -q
TESTED_emovo-emobox   ?= 1 2 3 4 5 6
DIVIDE_nemo-loso      ?= ser-fold loso -q
TESTED_nemo-loso      ?= 0 1 2 3 4 5 6 7 8

# ---- features: eGeMAPS' 88, our own and by openSMILE's numbers; ComParE's 6,373; ten functionals of ComParE's descriptors and of cepstra, without the silence around what is said ----
FUNCTIONALS ?= mean,std,p5,p25,p50,p75,p95,slope,skewness,kurtosis
EGEMAPS     ?= --preset egemaps
OPENSMILE   ?= --preset egemaps-opensmile --sample-frequency 16000
COMPARE     ?= --preset compare2016 --sample-frequency 16000
DESCRIPTORS ?= --kind compare --trim 30 --functionals $(FUNCTIONALS)
CEPSTRA     ?= --kind mfcc --num-ceps 20 --num-mel-bins 40 --delta-order 1 --trim 30 --functionals $(FUNCTIONALS)

# ---- learners. Costs are chosen by ser-svm on speakers held out of the training ones; the network's setting in the same way, one
# quarter of the training speakers held out, among NETS; then it is trained on all of them by each seed. A transformer's layer is
# chosen with the cost ----
COSTS ?= 1e-5,1e-4,1e-3,1e-2,1e-1,1
# Less and more were worse on training speakers of RAVDESS' first published fold.
COSTS_layers ?= 1e-4,1e-3
NET   ?= --arch mlp --smooth 0.1 --batch 32 --epochs 40
NETS  ?= hidden=128:dropout=0.6:0.05 hidden=128:dropout=0.6:0.5 hidden=256:dropout=0.8:0.05 hidden=64:dropout=0.4:0.05

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

prep = $(or $(PREP_$(1)),ser-prep -q $(1) $(DATA)/$(1))
corpora := $(sort $(foreach p,$(PROTOCOLS),$(call corpus,$(p))))
$(foreach c,$(corpora),$(eval MANIFEST_$(c) = $$(call prep,$(c))) $(eval $(OUT)/corpora/$(c).tsv: $$(call uses,MANIFEST_$(c))))
$(OUT)/corpora/%.tsv:
	mkdir -p $(@D)
	$(MANIFEST_$*) > $@.part
	mv $@.part $@

$(OUT)/corpora/%.egemaps.ser: $(OUT)/corpora/%.tsv $(call uses,EGEMAPS)
	ser-wav2feat $(EGEMAPS) -q -t $(THREADS) -o $@ $<

$(OUT)/corpora/%.opensmile.ser: $(OUT)/corpora/%.tsv $(call uses,OPENSMILE)
	ser-wav2feat $(OPENSMILE) -q -t $(THREADS) -o $@ $<

$(OUT)/corpora/%.compare.ser: $(OUT)/corpora/%.tsv $(call uses,COMPARE)
	ser-wav2feat $(COMPARE) -q -t $(THREADS) -o $@ $<

# mean and deviation over time of what goes into a transformer and of what each of its layers gives: NAME-0, NAME-1 ...
layers = $(shell seq 0 $$(PATH='$(PATH)' ser-model show --json $(1) | jq .hyper.layers))
define encoded
$$(OUT)/corpora/%.$(2).ser: $(1) $$(OUT)/corpora/%.tsv
	ser-embed -m $$< --layer all --pool mean,std --name func -q -t $$(THREADS) -o $$@ $$(word 2,$$^)
LAYERS_$(2) := $$(call layers,$(1))
endef
$(foreach e,$(ENCODERS),$(eval $(call encoded,$(e),$(basename $(notdir $(e))))))
define layer
$$(OUT)/corpora/%.$(1)_$(2).ser: $$(OUT)/corpora/%.$(1).ser
	ser-select --row func:$(2) true -o $$@ $$<
endef
$(foreach e,$(named),$(foreach l,$(LAYERS_$(e)),$(eval $(call layer,$(e),$(l)))))

$(OUT)/corpora/%.functionals.ser: $(OUT)/corpora/%.tsv $(call uses,DESCRIPTORS CEPSTRA)
	ser-join --concat func <(ser-wav2feat $(DESCRIPTORS) -q -t $(THREADS) $<) <(ser-wav2feat $(CEPSTRA) -q -t $(THREADS) $<) -o $@

define side_by_side
$$(OUT)/corpora/%.$(1).ser: $(foreach f,$(subst +, ,$(1)),$$(OUT)/corpora/%.$(f).ser)
	ser-join --concat func $$^ -o $$@
endef
together := $(sort $(foreach s,$(SYSTEMS),$(if $(findstring +,$(s)),$(firstword $(subst -, ,$(s))))))
$(foreach f,$(together),$(eval $(call side_by_side,$(f))))

NORMALISE_none    := ser-cat
NORMALISE_speaker := ser-norm --field func --by spk

# $(1) normalisation, $(2) protocol, $(3) features
define data
$$(OUT)/$(1)/$(2)/$(3).ser: $$(OUT)/corpora/$(call corpus,$(2)).$(3).ser $$(call uses,NORMALISE_$(1) DIVIDE_$(2))
	mkdir -p $$(@D)
	$$(NORMALISE_$(1)) $$< | $$(DIVIDE_$(2)) -o $$@
endef
FEATURES := egemaps opensmile compare functionals $(together) $(foreach e,$(named),$(LAYERS_$(e):%=$(e)_%))
$(foreach n,$(NORMS),$(foreach p,$(PROTOCOLS),$(foreach f,$(FEATURES),$(eval $(call data,$(n),$(p),$(f))))))

# ---- one tested fold: what a learner that never heard it says of it. $(1) data, $(2) fold, $(3) predictions; .st and .log beside
# them are scratch ----
learn_svm      = ser-svm --label emo --test-fold $(2) --cost $(COSTS) --seed $(SEED) -q -o $(3).st $(1)
learn_logistic = $(learn_svm) --loss logistic
predict        = ser-select 'fold == $(2)' $(1) | ser-predict -q -m $(3).st --drop func -o $(3); rm $(3).st
test_svm       = $(learn_svm); $(predict)
test_logistic  = $(learn_logistic); $(predict)
test_net       = ./bars-net '$(3)' '$(1)' '$(2)' '$(SEED)' '$(SEEDS)' '$(NET)' $(NETS)
test_layers   = ./bars-layers '$(3)' '$(2)' '$(COSTS_layers)' '$(SEED)' $(1)
uses_svm      := COSTS SEED
uses_layers   := COSTS_layers SEED
uses_logistic := COSTS SEED
uses_net      := NET NETS SEED SEEDS

# $(1) normalisation, $(2) protocol, $(3) FEATURES-LEARNER, $(4) fold
learner  = $(lastword $(subst -, ,$(1)))
named_by = $(patsubst %-$(call learner,$(1)),%,$(1))
features = $(if $(filter layers,$(call learner,$(1))),$(LAYERS_$(call named_by,$(1)):%=$(call named_by,$(1))_%),$(call named_by,$(1)))
define tested
$$(OUT)/$(1)/$(2)/$(3).$(4).pred.ser: $(patsubst %,$$(OUT)/$(1)/$(2)/%.ser,$(call features,$(3))) $$(call uses,$(uses_$(call learner,$(3))))
	$$(call test_$(call learner,$(3)),$$(inputs),$(4),$$@)
endef
define scored
$$(OUT)/$(1)/$(2)/$(3).json: $$(TESTED_$(2):%=$$(OUT)/$(1)/$(2)/$(3).%.pred.ser) $$(call uses,TESTED_$(2) N_BOOT SEED)
	ser-cat $$(inputs) | ser-score classes --label emo --n-boot $$(N_BOOT) --seed $$(SEED) --json > $$@.all
	$(if $(filter net,$(call learner,$(3))),for s in $$(SEEDS); do ser-cat $$(inputs) | ser-select "id =~ '^$$$$s/'" | ser-score classes --label emo --n-boot 0 --json; done,true) | \
		jq -s --slurpfile all $$@.all '$$$$all[0] + {seeds: [.[].scores[] | select(.set == "pooled" and .score == "uar").value]}' > $$@.part
	rm $$@.all
	mv $$@.part $$@
endef
each = $(foreach n,$(NORMS),$(foreach p,$(PROTOCOLS),$(foreach s,$(SYSTEMS),$(call $(1),$(n),$(p),$(s)))))
score = $(OUT)/$(1)/$(2)/$(3).json
rules = $(eval $(call scored,$(1),$(2),$(3))) $(foreach f,$(TESTED_$(2)),$(eval $(call tested,$(1),$(2),$(3),$(f))))
$(call each,rules)

row = (input_filename / "/") as $$f | (.scores | map(select(.set == "pooled")) | INDEX(.score)) as $$s | \
	[$$f[-3], $$f[-2], ($$f[-1] | rtrimstr(".json")), .about.n, .about.speakers, $$s.uar.value, $$s.uar.spk_lo, $$s.uar.spk_hi, \
	$$s.war.value, $$s.macro_f1.value, .about.train_test_speaker_overlap, (.seeds | length), \
	(.seeds | if length > 1 then (add / length) as $$m | (map(. - $$m | . * .) | add / (length - 1) | sqrt) else null end)] | @tsv
$(OUT)/results.tsv: $(call each,score) $(call uses,NORMS PROTOCOLS SYSTEMS)
	{ printf '%s\n' features protocol system records speakers uar spk_lo spk_hi war macro_f1 overlap seeds seeds_sd | paste -s; jq -r '$(row)' $(inputs); } > $@.part
	mv $@.part $@

$(OUT)/RESULTS.md: $(OUT)/results.tsv bars.tsv bars-report
	./bars-report $(OUT)/results.tsv bars.tsv > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page: of each protocol and normalisation the first system's predictions, of all of them the scores ----
system = $(1)-$(2)-$(3)=$(OUT)/$(1)/$(2)/$(3)
name   = $(call system,$(1),$(2),$(3)).json
folds  = $(if $(filter $(firstword $(SYSTEMS)),$(3)),$(TESTED_$(2):%=$(call system,$(1),$(2),$(3)).%.pred.ser))
$(OUT)/report.html: $(OUT)/RESULTS.md
	ser-report --title 'Where we stand' --seed $(SEED) --n-boot $(N_BOOT) -t $(THREADS) -q -o $@ $(call each,folds) $(call each,name) $(corpora:%=$(OUT)/corpora/%.tsv)
