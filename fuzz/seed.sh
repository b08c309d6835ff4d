#!/usr/bin/env bash
# Fills fuzz/corpus from the examples and the tests' configs, each text once, and adds what was found before.
set -euo pipefail
cd "$(dirname "$0")"

letter() {
    case $1 in
    *.toml) printf t ;; *.yaml | *.yml) printf y ;; *.json) printf j ;;
    *.csv) printf c ;; *.jsonl | *.ndjson) printf l ;; *.txt) printf n ;;
    esac
}

# Writes an input of the texts that it is given, as `LETTER FILE` pairs, named by its content.
seed() {
    local folder=$1 input name
    shift
    input=$(mktemp)
    while (($#)); do
        printf %s "$1"
        cat "$2"
        shift 2
        (($#)) && printf '\036'
    done >"$input"
    if (($(wc -c <"$input") <= 8192)); then
        name=$(sha256sum "$input" | cut -c 1-16)
        mkdir -p "corpus/$folder"
        cp "$input" "corpus/$folder/$name"
    fi
    rm "$input"
}

while IFS= read -r file; do
    case $(basename "$file") in
    case.toml | cases.toml | expected.txt | ids.json | *.env) continue ;;
    esac
    case $file in
    */expected/*) continue ;;
    esac
    of=$(letter "$file")
    case $of in
    c | l | n) seed load "$of" "$file" ;;
    t | y | j)
        seed load "$of" "$file"
        # A users file, too.
        seed load "${of^^}" "$file"
        seed check "$of" "$file"
        beside=()
        for users in "$(dirname "$file")"/*.csv; do
            [[ -f $users ]] && beside=(c "$users")
        done
        for options in "$(dirname "$file")"/*options*.json; do
            [[ -f $options && $options != "$file" ]] && beside+=(o "$options")
        done
        seed compile "$of" "$file" "${beside[@]}"
        ;;
    esac
done < <(find ../examples ../tests/ui ../tests/merge ../tests/syntaxes -type f \
    \( -name '*.toml' -o -name '*.yaml' -o -name '*.yml' -o -name '*.json' -o -name '*.csv' -o -name '*.jsonl' -o -name '*.txt' \) | sort)

for target in load check compile; do
    mkdir -p "corpus/$target"
    [[ -d regressions/$target ]] && cp "regressions/$target"/* "corpus/$target"
    printf '%s: %s inputs\n' "$target" "$(find "corpus/$target" -type f | wc -l)"
done

# The words of the config language, for -dict.
{
    grep -oE '"[a-z][a-z0-9_]+" *:' ../schema/config.schema.json | grep -oE '"[^"]+"'
    printf '"%s"\n' '{{' '}}' '{user.' '{{ user.' 'user_options' 'users_file' '\x1ec' '\x1eo' '\x1ey' '# swarmgen: allow(' \
        'secret' 'password' 'sshcmd' 'id_rsa' '{env = ' '{file = ' '{command = ' '.Node.Hostname' '<<: *' '&a' '|-\x0a' \
        '[[images]]\x0a' '[users.' '\\"\\"\\"' 'name,' '10m' '1GiB' 'spread=' 'node.labels.' 'jupyterhub-user-'
} | sort -u >corpus.dict
