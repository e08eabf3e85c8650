#!/usr/bin/env bats
load helper

setup() {
	work
	mkstream -n 20 >a.ser
}

ids() { ser-select "$@" a.ser | ser-dump --tsv id | tail -n +2 | tr -d u | sed 's/^0000*\(.\)/\1/' | tr '\n' ' '; }
# is EXPR IDS: the numbers of the records for which it holds
is() { local got; got=$(ids "$1"); [ "${got% }" = "$2" ] || { echo "$1: $got, expected $2"; return 1; }; }

@test "comparison of labels" {
	is 'fold == 3' '3 8 13 18'
	is 'fold < 1' '0 5 10 15'
	is 'fold >= 4' '4 9 14 19'
	is 'fold==3&&spk=="00"' '3 18'
	is 'emo == "happy"' '2 3 10 11 18 19'
	is "emo != 'happy' and fold <= 0" '0 5 15'
	is '"b" > emo and fold == 1' '6'
	is 'fold == 3.0' '3 8 13 18'
	is 'dur == 1.25' '5 14'
	is 'true and false' ''
	is 'fold != nil and fold == 0' '0 5 10 15'
}

@test "logic binds not, and, or" {
	is 'fold == 0 or fold == 1 and spk == "00"' '0 5 6 10 15'
	is '(fold == 0 or fold == 1) and spk == "00"' '0 6 15'
	is 'not fold == 0 and id < "u00004"' '1 2 3'
	is '!(fold == 0) && id < "u00004"' '1 2 3'
	is 'not not fold == 3' '3 8 13 18'
	is 'has(feat) || nosuch == 3' "$(seq -s ' ' 0 19)"
}

@test "lists" {
	is 'emo in ("sad", "angry") and fold in (0, 1)' '5 6 15'
	is 'emo not in ("sad", "angry", "neutral")' '2 3 10 11 18 19'
	is 'fold in (1 + 2)' '3 8 13 18'
}

@test "regular expressions" {
	is 'id =~ "^u0001[0-2]$"' '10 11 12'
	is 'id !~ "[1-9]"' '0'
	is 'fold =~ "^3"' '3 8 13 18'
	is 'id =~ "\."' ''
	is 'emo =~ "^(sad|angry)$" and spk == "02"' '5 14'
}

@test "shapes, arithmetic, numbers in strings" {
	is 'shape(feat, 0) == 7 and fold == 0' '5'
	is 'shape(feat, -1) == 4 and ndim(feat) == 2 and fold == 3' '3 8 13 18'
	is 'shape(feat, 2) == nil and fold == 3' '3 8 13 18'
	is 'dur * 4 - 1 == 7' '8 17'
	is 'fold % 2 == 1 and dur / 2 > 0.5' '6 8 16'
	is '(-fold) < -3' '4 9 14 19'
	is 'number(spk) == 2 and fold == 0' '5'
	is 'number(emo) == nil and fold == 3' '3 8 13 18'
	is 'field("fold") == 3' '3 8 13 18'
}

@test "nil: absent, equal to nil alone, in no order" {
	is 'nosuch == nil and fold == 3' '3 8 13 18'
	is 'nosuch != 3 and fold == 3' '3 8 13 18'
	is 'nosuch < 3 or nosuch > 3 or nosuch == 3' ''
	is 'has(nosuch)' ''
	is 'nosuch' ''
	is 'nosuch + 1 == nil and fold == 3' '3 8 13 18'
	is 'shape(nosuch, 0) > 1' ''
}

@test "a name that no record has is warned about" {
	run --separate-stderr bash -c 'ser-select "fodl == 3" a.ser | ser-dump'
	[ "$status" -eq 0 ]
	[ "$stderr" = 'ser-select: no record has a field "fodl"; a text to compare with stands in quotes' ]
	run --separate-stderr bash -c 'ser-select "has(fodl) or fold == 3" a.ser | ser-info >/dev/null'
	[ -z "$stderr" ]
}

@test "kinds that do not go together are errors that name the record" {
	fails 1 'record 1 "u00000"' ser-select 'spk == 3' a.ser
	fails 1 'cannot be compared' ser-select 'feat == 3' a.ser
	fails 1 'cannot be compared' ser-select 'true == 1' a.ser
	fails 1 'expected a condition' ser-select 'fold' a.ser
	fails 1 'expected a condition' ser-select 'fold == 1 and emo' a.ser --invert
	fails 1 'expected numbers' ser-select 'spk + 1 == 2' a.ser
	fails 1 'expected a tensor' ser-select 'shape(spk, 0) == 2' a.ser
	fails 1 'beyond 63 bits' ser-select '9223372036854775807 + fold > 0' a.ser
	fails 1 'divisor' ser-select '3 % fold == 0' a.ser
}

@test "what is no expression" {
	for x in '' 'fold ==' 'fold == 3)' '(fold == 3' 'fold = 3' '"a' "'a\\'" 'fold 3' 'in (3)' 'fold in 3' 'fold in ()' 'fold not 3' \
		'nosuch(3)' 'shape(feat)' 'shape(feat, 0' 'has(3)' '3x == 3' '1.2.3 == 1' '0x10 == 16' '&& true' 'a @ b' \
		'id =~ spk' 'id =~ "("' '99999999999999999999 == 1 and' '"\' 'fold == 3 ;'; do
		fails 2 '' ser-select -- "$x" a.ser
	done
	fails 2 'found "=", expected "==", which compares' ser-select 'fold = 3' a.ser
	fails 2 'deeper than 100' ser-select "$(printf '(%.0s' {1..200})1" a.ser
	fails 2 'deeper than 100' ser-select -- "$(printf 'not %.0s' {1..200})true" a.ser
	fails 2 'more than 2000' ser-select -- "true$(printf ' or true%.0s' {1..3000})" a.ser
	fails 2 'no expression' ser-select
}

@test "long lists and chains are fine" {
	is "$(printf 'fold == 7 or %.0s' {1..900}) fold == 3" '3 8 13 18'
	is "id in (\"x\"$(seq -f ', "u%05g"' -s '' 15 6000))" '15 16 17 18 19'
}

@test "--fields and --drop, of the header's dims too" {
	same '{"id":"u00003","spk":"00","fold":3}' bash -c 'ser-select --fields spk,fold "fold == 3" a.ser | ser-dump | head -n 1'
	same '{"id":"u00003","spk":"00","emo":"happy","fold":3}' bash -c 'ser-select --drop dur,feat "fold == 3" a.ser | ser-dump | head -n 1'
	same '{}' bash -c 'ser-select --drop feat true a.ser | ser-dump --header | jq -c .dims'
	same '["feat"]' bash -c 'ser-select --fields feat true a.ser | ser-dump --header | jq -c ".dims | keys"'
	fails 2 'needs its id' ser-select --drop id true a.ser
	fails 2 'empty name' ser-select --drop a,,b true a.ser
	fails 2 'twice' ser-select --fields a,b,a true a.ser
}

@test "--invert is the rest" {
	ser-cat <(ser-select 'fold == 3' a.ser) <(ser-select --invert 'fold == 3' a.ser) | ser-cmp - a.ser
}

@test "the expression is in the provenance, after the options" {
	same '["--drop=feat","--invert=true","fold == 3"]' bash -c \
		'ser-select --invert --drop feat "fold == 3" a.ser | ser-dump --header | jq -c .prov[1].args'
}

@test "NaN is in no order and equals nothing" {
	"$PYTHON" -c 'import msgpack' 2>/dev/null || skip "python3-msgpack is not installed"
	"$PYTHON" -c 'import msgpack, sys
p = msgpack.packb
sys.stdout.buffer.write(p({"ser": 1}) + p({"id": "a", "x": float("nan")}) + p({"id": "b", "x": 1.0}) + p({"end": 2}))' >a.ser
	for x in 'x == x' 'x <= 1 or x >= 1' 'not x != x'; do
		same b bash -c "ser-select '$x' a.ser | ser-dump --tsv id | tail -n +2"
	done
}

@test "an option that is not UTF-8 cannot go into a header" {
	fails 2 'not UTF-8' ser-select --drop $'\xff' true a.ser
}

@test "regular expressions that would take all memory or for ever are refused" {
	mkstream -n 1 >a.ser
	fails 2 'repeats too much' ser-select "id =~ '0++++++++++++++++++++++++++++++'" a.ser
	fails 2 'repeats too much' ser-select "id =~ '((a{1,40}){1,40}){1,40}'" a.ser
	fails 2 'repeats too much' ser-select "id =~ 'a{1000}' or id =~ '[^]b]{1001}'" a.ser
	fails 2 'back-reference' ser-select "id =~ '(a*)*\\1'" a.ser
	fails 2 'has an anchor in a part that repeats' ser-select "id =~ '(^|_|$)*x'" a.ser
	fails 2 'repeats too much' ser-select "id =~ 'a*+++++'" a.ser
	ser-select "id =~ '^u[0-9]{5}\$' and id =~ '(u+0*){1,9}'" a.ser | ser-info >/dev/null
	[ "$(ser-select "id =~ '^[[:alpha:]u]{1}([]0]{4}|x+)0\$'" a.ser | ser-dump | jq -r .id)" = u00000 ]
}

@test "--row: one row of a tensor, and the header knows" {
	same '[4]' bash -c 'ser-select --row feat:2 true a.ser | ser-dump | jq -c .feat.shape | uniq'
	cmp <(ser-select --row feat:2 true a.ser | ser-dump --data | jq -c .feat.data) <(ser-dump --data a.ser | jq -c '.feat.data[2]')
	same '{"axes":["bin"],"row":2}' bash -c 'ser-select --row feat:2 true a.ser | ser-dump --header | jq -c ".dims.feat | {axes, row}"'
	same 'null' bash -c 'ser-select --row feat:2 true a.ser | ser-dump --header | jq -c .dims.feat.shift_s'
	fails 1 ', which has no row 99' ser-select --row feat:99 true a.ser
	echo '{"id":"a","x":[[1,2],[3,4]]}' | ser-cat --from json -o x.ser
	same '[3,4]' bash -c 'ser-select --row x:1 true x.ser | ser-dump --data | jq -c .x.data'
	fails 1 ', which has no row 2' ser-select --row x:2 true x.ser
	fails 1 'field "spk" is a string, which has no row 0' ser-select --row spk:0 true a.ser
	fails 2 'is not NAME:N' ser-select --row feat true a.ser
	fails 2 '' ser-select --row feat:x true a.ser
}

@test "a file where the expression is expected is said to be taken for one" {
	mkstream -n 3 >good
	run --separate-stderr ser-select --drop emo good </dev/null
	[ "$status" -eq 1 ]
	[[ ${stderr_lines[0]} == *'"good", which is a file, is taken for the expression'* ]]
	ser-select --drop emo true good 2>err | ser-info >/dev/null
	[ ! -s err ]
}
