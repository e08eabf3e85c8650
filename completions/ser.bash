# Completion of the ser tools in bash: the tool itself says what may stand at the cursor (ser(7), COMPLETION).
_ser() {
	local words=() at=0 i word what before files='' IFS=$'\n'
	# Bash parts words at "=" and ":": --label=em is three of them, and only what is behind the last is replaced.
	for ((i = 1; i < ${#COMP_WORDS[@]}; i++)); do
		if [[ ${#words[@]} -gt 0 && (${COMP_WORDS[i]} == [=:] || ${COMP_WORDS[i - 1]} == [=:]) && $COMP_LINE == *"${words[-1]}${COMP_WORDS[i]}"* ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
		((i == COMP_CWORD)) && at=$((${#words[@]} - 1))
	done
	before=${words[at]%"${COMP_WORDS[COMP_CWORD]}"}
	[[ ${COMP_WORDS[COMP_CWORD]} == [=:] ]] && before=${words[at]}
	COMPREPLY=()
	while IFS=$'\t' read -r word what; do
		case $word in
		/) files=-f ;;
		//) files=-d ;;
		*) COMPREPLY+=("${word#"$before"}") ;;
		esac
	done < <("$1" --help=complete "$at" "${words[@]}" 2>/dev/null)
	if [[ -n $files ]]; then
		((${#COMPREPLY[@]})) || compopt -o filenames 2>/dev/null # which would put a backslash before the ":" of a word
		COMPREPLY+=($(compgen $files -- "${words[at]#"$before"}"))
	fi
}
for _ser_tool in cat chunk cmp augment dump embed face fold head info join kmeans manifest model norm pairs plot predict prep project report score select \
	sort split svm target tokenize train trials wav2feat; do
	complete -F _ser "ser-$_ser_tool"
done
unset _ser_tool
