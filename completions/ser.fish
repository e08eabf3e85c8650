# Completion of the ser tools in fish: the tool itself says what may stand at the cursor (ser(7), COMPLETION).
function __ser_complete
    set -l before (commandline -opc)
    set -l at (commandline -ct)
    set -l after (commandline -o)
    set -l from (math (count $before) + 2)
    set -l rest
    test (count $after) -ge $from; and set rest $after[$from..-1]
    set -l tool $before[1]
    for line in ($tool --help=complete (math (count $before) - 1) $before[2..-1] "$at" $rest 2>/dev/null)
        switch $line
            case /
                set -l head (string match -r -- '^--[^=]*=' "$at")
                for f in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$at"))
                    echo "$head$f"
                end
            case //
                set -l head (string match -r -- '^--[^=]*=' "$at")
                for f in (__fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$at"))
                    echo "$head$f"
                end
            case '*'
                echo $line
        end
    end
end
set -l ser_tools cat chunk cmp augment dump embed face fold head info join kmeans manifest model norm pairs plot predict prep project report score select \
    sort split svm target tokenize train trials wav2feat
for tool in $ser_tools
    complete -c ser-$tool -f -a '(__ser_complete)'
end
