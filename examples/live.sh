#!/usr/bin/env bash
# live.sh MODEL [SECONDS]: posteriors of a model of ser-train once a second, of the last three seconds, while somebody speaks into the
# microphone, for so long or until interrupted. Tell whoever is recorded that they are.
set -euo pipefail
model=${1:?usage: live.sh MODEL [SECONDS]}
arecord -q -f S16_LE -r 16000 ${2:+-d "$2"} | ser-wav2feat -q --stdin --like "$model" | ser-predict -m "$model" --every 1s
