# A small HuBERT of one's own, and what linear probes find in it, beside random weights and log-mel energies.
#
#   make pretrain DATA=/data OUT=out/pretrain     out/pretrain/hubert.st, its log, and RESULTS.md
#   make pretrain DATA=/data QUICK=1              of every 48th sound, two epochs: that it runs, and no more
#
# Pretraining hears LibriSpeech, the Arabic commands and two thirds of nEMO's speakers, without labels. The probes are linear, on one vector
# an utterance: emotion of nEMO's other speakers, learnt from those heard; who of BAVED speaks, whom nobody heard, learnt from every other of
# the recordings. A network's vector is the mean over time of the mean over its layers, each frame normed: --layer-mix-norm with the
# weights that it begins with; of the pretrained one layers by themselves, too. The random network is the one that training began with.
include settings.mk

OUT         ?= out/pretrain$(if $(QUICK),-quick)
FOLDER       = $(or $(DATA),$(error say where the corpora are: DATA=/where/they/are))
HELD_OUT    ?= 0.34

# Sounds in pieces of so many seconds, none shorter than so many samples; of each corpus every so many; of what is probed, too.
SEGMENT     ?= 4
SHORTEST    ?= 8000
EVERY       ?= $(if $(QUICK),48,6)
PROBE_EVERY ?= $(if $(QUICK),12,2)

# Units: clusters of cepstra with deltas (Hsu et al. 2021's first iteration), fitted to a sample of frames.
CEPSTRA     ?= --kind mfcc --delta-order 2
UNITS       ?= -k 100 --frames 100000 --n-init 2 --max-iter 50

NETWORK     ?= --arch hubert --hyper conv_dim=64 --hyper dim=256 --hyper layers=6 --hyper heads=4 --hyper ffn=1024 --hyper pre_norm=1 --hyper conv_norm=1 --hyper dropout=0
# Spans half as long as Hsu et al.'s, and fewer, and frames that are heard count, too: what the first hundreds of steps learn from. Pieces are whole.
TRAIN       ?= --crop 0 --batch 12 --epochs $(if $(QUICK),2,14) --lr 0.002 --warmup 0.1 --mask-prob 0.5 --mask-span 5 --mask-weight 0.5 --time-masks 0 --freq-masks 0 --dev-frac 0.05 --precision bf16
PROBE       ?= --arch linear --input-norm global --epochs 60 --batch 32 --lr 0.003 --weight-decay 0.01
FBANK       ?= --kind fbank --functionals mean,std
PROBE_SEEDS ?= 1 2 3

# Layers that are probed by themselves; 0 is what goes into the first.
LAYERS      ?= 0 2 4 6

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- what is heard: names that differ; nEMO's speakers in two parts ----
some = awk -v every=$(1) 'NR == 1 || NR % every == 0'
$(OUT)/nemo.tsv: $(call uses,HELD_OUT SEED)
	mkdir -p $(@D)
	ser-prep nemo $(FOLDER)/nemo -q | ser-manifest --utt-prefix nemo- --spk-prefix nemo- | \
		ser-fold holdout --test-frac $(HELD_OUT) --seed $(SEED) -q -o $@

$(OUT)/librispeech.tsv: $(call uses,EVERY)
	mkdir -p $(@D)
	ser-prep librispeech $(FOLDER)/librispeech -q | $(call some,$(EVERY)) > $@.part
	mv $@.part $@

$(OUT)/commands.tsv: $(call uses,EVERY)
	mkdir -p $(@D)
	ser-prep arabic-speech-commands $(FOLDER)/arabic-speech-commands -q | \
		$(call some,$(EVERY)) > $@.part
	mv $@.part $@

heard = awk -F'\t' -v every=$(EVERY) 'NR == 1 {for (i = 1; i <= NF; i++) if ($$i == "split") c = i} NR == 1 || ($$c == "train" && NR % every == 0)'
$(OUT)/pool.tsv: $(OUT)/librispeech.tsv $(OUT)/commands.tsv $(OUT)/nemo.tsv $(call uses,EVERY)
	$(heard) $(OUT)/nemo.tsv > $@.nemo
	ser-manifest --corpus ls,asc,nemo $(OUT)/librispeech.tsv $(OUT)/commands.tsv $@.nemo -o $@
	rm $@.nemo

$(OUT)/wave.ser: $(OUT)/pool.tsv $(call uses,SEGMENT SHORTEST)
	ser-wav2feat --kind wave --segment $(SEGMENT) -q $< | ser-select 'shape(feat, 0) >= $(SHORTEST)' -o $@

# ---- units, beside the samples ----
$(OUT)/units.ser: $(OUT)/wave.ser $(call uses,CEPSTRA UNITS SEED)
	ser-wav2feat $(CEPSTRA) -q $< | ser-kmeans $(UNITS) --seed $(SEED) -t $(THREADS) --centroids $(@:.ser=.centroids.ser) -o $@

$(OUT)/train.ser: $(OUT)/wave.ser $(OUT)/units.ser
	ser-join --fields units $^ -o $@

# ---- pretraining, and the network that it began with ----
$(OUT)/hubert.st: $(OUT)/train.ser $(call uses,NETWORK TRAIN SEED)
	ser-train hubert $(NETWORK) $(TRAIN) --split-field '' --seed $(SEED) -t $(THREADS) --checkpoint $(@:.st=.ckpt) --resume \
		--log $(@:.st=.log.tsv) -o $@ $<
	rm -f $(@:.st=.ckpt)

# Some of two languages: a head over a mix of layers, which takes no step, wants two classes.
$(OUT)/few.ser: $(OUT)/train.ser
	ser-cat -o $@ <(ser-select "lang == 'pl'" $< | ser-head -n 32) <(ser-select "lang != 'pl'" $< | ser-head -n 32)

$(OUT)/random.st: $(OUT)/few.ser $(call uses,NETWORK TRAIN SEED)
	ser-train hubert $(NETWORK) $(TRAIN) --epochs 1 --lr 0 --dev-frac 0 --allow-shared-speakers --split-field '' --seed $(SEED) -q -o $@ $<

# ---- vectors of what is probed ----
$(OUT)/emotion.tsv: $(OUT)/nemo.tsv $(call uses,PROBE_EVERY)
	$(call some,$(PROBE_EVERY)) $< > $@.part
	mv $@.part $@

$(OUT)/speaker.tsv: $(call uses,PROBE_EVERY)
	mkdir -p $(@D)
	ser-prep baved $(FOLDER)/baved -q | $(call some,$(PROBE_EVERY)) | awk -F'\t' -v OFS='\t' 'NR == 1 {sub("\tspk\t", "\twho\t"); print $$0, "split"; next} \
		{print $$0, NR % 2 ? "train" : "test"}' > $@.part
	mv $@.part $@

$(OUT)/%.wave.ser: $(OUT)/%.tsv
	ser-wav2feat --kind wave -q -o $@ $<

label = $(if $(filter emotion,$(1)),emo,who)
NETS := hubert random
define vectors
$$(OUT)/$(1).mix.st: $$(OUT)/$(1).st $$(OUT)/few.ser
	ser-train classify --label lang --init $$< --freeze all --layer-mix-norm --epochs 1 --lr 0 --crop 0 --split-field '' -q -o $$@ $$(OUT)/few.ser
$$(OUT)/$(2).$(1).ser: $$(OUT)/$(1).mix.st $$(OUT)/$(2).wave.ser
	ser-embed -m $$< -t $$(THREADS) --precision bf16 --drop feat -o $$@ $$(OUT)/$(2).wave.ser
endef
$(foreach n,$(NETS),$(eval $(call vectors,$(n),emotion)))
$(foreach n,$(NETS),$(eval $(OUT)/speaker.$(n).ser: $(OUT)/$(n).mix.st $(OUT)/speaker.wave.ser ; \
	ser-embed -m $$< -t $$(THREADS) --precision bf16 --drop feat -o $$@ $(OUT)/speaker.wave.ser))

define layer
$$(OUT)/$(1).layer-$(2).ser: $$(OUT)/hubert.st $$(OUT)/$(1).wave.ser
	ser-embed -m $$< --layer $(2) -t $$(THREADS) --precision bf16 --drop feat -o $$@ $$(OUT)/$(1).wave.ser
endef
$(foreach p,emotion speaker,$(foreach l,$(LAYERS),$(eval $(call layer,$(p),$(l)))))

$(OUT)/%.fbank.ser: $(OUT)/%.tsv $(call uses,FBANK)
	ser-wav2feat $(FBANK) -q -o $@ $<

# ---- linear probes of each, by several seeds ----
field = $(if $(filter fbank,$(1)),func,emb)
define probe
$$(OUT)/probe/$(1).$(2).json: $$(OUT)/$(1).$(2).ser $$(call uses,PROBE PROBE_SEEDS)
	mkdir -p $$(@D)
	for s in $$(PROBE_SEEDS); do \
		ser-train classify --label $(call label,$(1)) --field $(call field,$(2)) $$(PROBE) --seed $$$$s -q -o $$@.$$$$s.st $$<; \
		ser-select 'split == "test"' $$< | ser-predict -m $$@.$$$$s.st -q | ser-cat --id-prefix $$$$s- -o $$@.$$$$s.ser; \
	done
	ser-score classes --label $(call label,$(1)) --allow-shared --json $$(PROBE_SEEDS:%=$$@.%.ser) > $$@.part
	mv $$@.part $$@
endef
SYSTEMS := hubert $(LAYERS:%=layer-%) random fbank
$(foreach p,emotion speaker,$(foreach s,$(SYSTEMS),$(eval $(call probe,$(p),$(s)))))

$(OUT)/RESULTS.md: $(foreach p,emotion speaker,$(foreach s,$(SYSTEMS),$(OUT)/probe/$(p).$(s).json)) $(OUT)/hubert.st
	./pretrain-report $(OUT) $(SYSTEMS) > $@.part
	$(spent) >> $@.part
	mv $@.part $@

# ---- the page: the probes' scores, pretraining, what was heard ----
probes = $(foreach p,emotion speaker,$(foreach s,$(SYSTEMS),$(p)-$(s)=$(OUT)/probe/$(p).$(s).json))
$(OUT)/report.html: $(foreach p,$(probes),$(lastword $(subst =, ,$(p)))) $(OUT)/hubert.st $(OUT)/pool.tsv
	ser-report --title 'A small HuBERT, and what linear probes find in it' -q -o $@ $(probes) hubert=$(OUT)/hubert.log.tsv $(OUT)/pool.tsv
