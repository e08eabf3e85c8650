#!/usr/bin/env bash
# features.sh MANIFEST OUT: features for other programs: a table for pandas or R, arrays for NumPy, an archive for Kaldi.
set -euo pipefail
manifest=${1:?usage: features.sh MANIFEST OUT} out=${2:?usage: features.sh MANIFEST OUT}
mkdir -p "$out"

# One row a sound: id, labels, and the 88 functionals of eGeMAPS by openSMILE's names.
#   pandas.read_csv('egemaps.csv', index_col='id')        read.csv('egemaps.csv', row.names = 1)
ser-wav2feat -q --preset egemaps <"$manifest" | ser-cat --to csv -o "$out"/egemaps.csv

# The same as openSMILE's users know it, for Weka.
ser-wav2feat -q --preset egemaps <"$manifest" | ser-cat --to arff --label emo -o "$out"/egemaps.arff

# Frames, which are of other lengths in every sound: numpy.load('fbank.npz')['feat/' + id]
ser-wav2feat -q --kind fbank <"$manifest" | ser-cat --to npz -o "$out"/fbank.npz

# For Kaldi: feats.ark and its index; copy-feats scp:feats.scp ark,t:- reads them.
ser-wav2feat -q --kind mfcc <"$manifest" | ser-cat --to ark --scp "$out"/feats.scp -o "$out"/feats.ark
