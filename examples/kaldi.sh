#!/usr/bin/env bash
# kaldi.sh DATADIR OUT: from a Kaldi data directory with utt2emo to features and folds, and a data directory again.
set -euo pipefail
data=${1:?usage: kaldi.sh DATADIR OUT} out=${2:?usage: kaldi.sh DATADIR OUT}
mkdir -p "$out"
ser-manifest --from kaldi "$data" | ser-fold loso --by spk >"$out"/folded.tsv     # cross-validation that Kaldi has no word for
ser-wav2feat -q --kind mfcc --num-ceps 13 "$out"/folded.tsv >"$out"/mfcc.ser         # make_mfcc.sh
ser-norm --field feat --by spk "$out"/mfcc.ser >"$out"/cmvn.ser                    # compute_cmvn_stats.sh, apply-cmvn
ser-cat --to ark --scp "$out"/feats.scp -o "$out"/feats.ark "$out"/cmvn.ser         # copy-feats
ser-manifest --to kaldi -o "$out"/data "$out"/folded.tsv
