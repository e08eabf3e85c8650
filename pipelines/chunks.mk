# Utterances of any length as equal chunks, four ways to aggregate them, against whole utterances: an ordinal attribute by concordance,
# and emotions.
#
#   make chunks DATA=/data            as numbers baved's level (0 low, 1 neutral, 2 high) and ravdess' intensity (1, 2); emotions of emodb and ravdess
#   make chunks DATA=/data QUICK=1    baved, one seed, two networks, few epochs
#
# Speakers are left out in folds; every method sees the same ones, and each seed trains it anew. whole is a convolutional network over
# whole utterances, blstm a recurrent one, against which costs are measured. Left in OUT: RESULTS.md,
# results.tsv, and below CORPUS, or CORPUS-emotions, predictions and scores.
include settings.mk

OUT  ?= out/chunks$(if $(QUICK),-quick)
DATA ?= $(error say where the corpora are: make chunks DATA=/where/they/are)
# Numbers, unless -emotions says that classes are learnt.
CORPORA ?= $(if $(QUICK),baved,baved ravdess emodb-emotions ravdess-emotions)
SEEDS   ?= $(if $(QUICK),1,1 2 3)
FOLDS   ?= 0 1 2
N_BOOT  ?= 1000

# Chunks of half a second for words, of a second for sentences; as many as the longest utterance has, rounded up.
CHUNK_baved   ?= frames=31 chunks=11
CHUNK_ravdess ?= frames=62 chunks=6
CHUNK_emodb   ?= frames=62 chunks=10

# 130 descriptors in frames of 32 ms every 16 ms.
FEATURES ?= --preset chunk-lld
# The authors' networks have 128 channels, 100 epochs and batches of 256.
CHANNELS ?= 64
# Of blstm, in each direction.
UNITS    ?= 130
TRAIN    ?= --epochs $(if $(QUICK),4,10) --lr 0.001 --crop 0 --time-masks 0 --freq-masks 0 --input-norm global
METHODS  ?= $(if $(QUICK),cnn-mean blstm,cnn-mean cnn-gated cnn-rnn-attention cnn-self-attention whole blstm)
GOAL_numbers  = regress --label arousal --loss ccc --batch 64
GOAL_emotions = classify --label emo --batch 16
# Whose cost is measured, on so many records, of networks of the authors' size: their claim is that chunks cost less than whole utterances.
COSTS         ?= $(if $(QUICK),cnn-mean blstm,cnn-mean cnn-rnn-attention lstm-mean lstm-rnn-attention whole blstm)
COST_CHANNELS ?= $(if $(QUICK),$(CHANNELS),128)
COST_UNITS    ?= 130
COST_RECORDS  ?= 300

include numbers.mk

chunk     = $(addprefix --hyper ,$(CHUNK_$(call corpus,$(1))))
# NET_METHOD: of a corpus, channels, units
cnn       = --arch chunk-cnn --hyper channels=$(3) --hyper aggregate=$(1) $(call chunk,$(2)) --hidden 130
NET_cnn-mean           = $(call cnn,mean,$(1),$(2))
NET_cnn-gated          = $(call cnn,gated,$(1),$(2))
NET_cnn-rnn-attention  = $(call cnn,rnn-attention,$(1),$(2))
NET_cnn-self-attention = $(call cnn,self-attention,$(1),$(2))
NET_lstm-rnn-attention = --arch chunk-lstm --hyper aggregate=rnn-attention $(call chunk,$(1)) --hidden 130
NET_lstm-mean          = --arch chunk-lstm --hyper aggregate=mean $(call chunk,$(1)) --hidden 130
NET_blstm              = --arch blstm --hyper hidden=$(3) --hyper layers=2 --hidden 130
NET_whole              = --arch convpool --hyper channels=$(2)

.PHONY: report
report: $(OUT)/RESULTS.md $(OUT)/report.html
	@cat $<

# ---- features ----
$(OUT)/%.ser: $(OUT)/%.tsv $(call uses,FEATURES)
	ser-wav2feat $(FEATURES) -q -t $(THREADS) -o $@ $<

# ---- CORPUS/METHOD-SEED-FOLD.st, and what it predicts of the fold left out ----
define method
$$(OUT)/$(1)/$(2)-$(3)-%.st: $$(OUT)/$(call corpus,$(1)).ser $$(call uses,TRAIN GOAL_$(call learnt,$(1)) CHANNELS UNITS CHUNK_$(call corpus,$(1)))
	mkdir -p $$(@D)
	ser-train $$(GOAL_$(call learnt,$(1))) --test-fold $$* $$(call NET_$(2),$(1),$$(CHANNELS),$$(UNITS)) $$(TRAIN) --seed $(3) -t $$(THREADS) -q --log $$(@:.st=.log) -o $$@ $$<

$$(OUT)/$(1)/$(2)-$(3)-%.pred.ser: $$(OUT)/$(1)/$(2)-$(3)-%.st $$(OUT)/$(call corpus,$(1)).ser
	ser-select 'fold == $$*' $$(word 2,$$^) | ser-predict -m $$< -t $$(THREADS) --drop feat -o $$@
endef
$(foreach c,$(CORPORA),$(foreach m,$(METHODS),$(foreach s,$(SEEDS),$(eval $(call method,$(c),$(m),$(s))))))

# ---- what an utterance costs: processor time of one thread, of prediction without starting, of two more epochs of training ----
cpu = cpu() { local TIMEFORMAT='%U %S'; { time "$$@" > /dev/null 2>&1; } 2>&1 | awk '{print 1000 * ($$1 + $$2)}'; }
define cost
$$(OUT)/$(1)/$(2).cost: $$(OUT)/$(1).ser $$(call uses,TRAIN GOAL_numbers COST_CHANNELS COST_UNITS CHUNK_$(1) FOLDS COST_RECORDS)
	mkdir -p $$(@D)
	ser-head -n $$(COST_RECORDS) $$< > $$@.few
	ser-head -n 1 $$< > $$@.one
	$$(cpu); train() { ser-train $$(GOAL_numbers) --test-fold 0 $$(call NET_$(2),$(1),$$(COST_CHANNELS),$$(COST_UNITS)) $$(TRAIN) --epochs $$$$1 --seed 1 -t 1 -q -o $$@.st $$@.few; }; \
		count() { ser-select "$$$$1" $$@.few | ser-dump | wc -l; }; n=$$$$(count true) k=$$$$(count 'fold != 0'); \
		one=$$$$(cpu train 1) three=$$$$(cpu train 3); start=$$$$(cpu ser-predict -m $$@.st $$@.one) all=$$$$(cpu ser-predict -m $$@.st $$@.few); \
		awk -v x="$$$$all $$$$start $$$$n $$$$three $$$$one $$$$k" 'BEGIN {split(x, v, " "); \
			printf "$(1)\t$(2)\t%.3f\t%.3f\n", (v[1] - v[2]) / (v[3] - 1), (v[4] - v[5]) / 2 / v[6]}' > $$@.part
	rm $$@.st $$@.one $$@.few
	mv $$@.part $$@
endef
numbers = $(filter-out %-emotions,$(CORPORA))
$(foreach c,$(numbers),$(foreach m,$(COSTS),$(eval $(call cost,$(c),$(m)))))
costs = $(foreach c,$(numbers),$(COSTS:%=$(OUT)/$(c)/%.cost))

TITLE := Equal chunks against whole utterances
ABOUT := $(tables)
include seeds.mk

define cost_table
{ echo; echo '## Cost of an utterance'; echo; echo 'Processor time of one thread, ms, of $(COST_RECORDS) records: to predict, and to train, an epoch; times that of blstm (2 x $(COST_UNITS) units over the'; \
	echo 'whole utterance). Convolutions have $(COST_CHANNELS) channels.'; echo; \
	echo '| corpus | method | predict | train | predict / blstm | train / blstm |'; echo '|---|---|---|---|---|---|'; \
	cat $(costs) | awk -F'\t' '{row[NR] = $$0; if ($$2 == "blstm") {p[$$1] = $$3; t[$$1] = $$4}} END {for (i = 1; i <= NR; i++) {split(row[i], x, "\t"); \
		printf("| %s | %s | %.2f | %.2f | %s | %s |\n", x[1], x[2], x[3], x[4], (p[x[1]] > 0 ? sprintf("%.2f", x[3] / p[x[1]]) : ""), \
			(t[x[1]] > 0 ? sprintf("%.2f", x[4] / t[x[1]]) : ""))}}'; } >> $@.part
endef
$(OUT)/RESULTS.md: seeds-report $(runs:%=%.score.json) $(runs:%=%.compare.json) $(costs) $(call uses,CORPORA METHODS SEEDS COSTS)
	@{ echo '# Equal chunks against whole utterances'; echo; \
		echo 'Descriptors: $(FEATURES). Chunks: $(foreach c,$(sort $(call corpus,$(CORPORA))),$(c) $(CHUNK_$(c));) convolutions of $(CHANNELS) channels, blstm of 2 x $(UNITS) units;'; \
		echo '`$(TRAIN)`, $(goals).'; \
		echo; } > $@.part
	./seeds-report '$(OUT)' '$(CORPORA)' '$(METHODS)' '$(SEEDS)' >> $@.part
	$(if $(costs),$(cost_table))
	$(spent) >> $@.part
	mv $@.part $@
