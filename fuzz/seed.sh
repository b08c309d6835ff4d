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

# What the shim tells of the Python configs: each document, and one of each setting alone.
shim() {
    cat ../src/import/shim/{settings,modules,values,run}.py |
        python3 -c 'import sys; exec(compile(sys.stdin.buffer.read(), "<swarmgen>", "exec"), {"__name__": "swarmgen"})' \
            "$1" 20 2>/dev/null
}
mkdir -p corpus/import
while IFS= read -r file; do
    document=$(shim "$file") || continue
    seeds=$(jq -c '., (.settings as $all | range($all | length) as $index | .settings = [$all[$index]])' <<<"$document")
    while IFS= read -r seed; do
        ((${#seed} > 32768)) || printf %s "$seed" >"corpus/import/$(sha256sum <<<"$seed" | cut -c 1-16)"
    done <<<"$seeds"
done < <(find ../examples/migration ../tests/ui/sg70* seeds -name '*.py' | sort)

for target in load check compile import; do
    mkdir -p "corpus/$target"
    [[ -d regressions/$target ]] && cp "regressions/$target"/* "corpus/$target"
    printf '%s: %s inputs\n' "$target" "$(find "corpus/$target" -type f | wc -l)"
done

# The words of the config language, for -dict.
{
    grep -oE '"[a-z][a-z0-9_]+" *:' ../schema/config.schema.json | grep -oE '"[^"]+"'
    printf '"%s"\n' '{{' '}}' '{user.' '{{ user.' 'user_options' 'users_file' '\x1ec' '\x1eo' '\x1ey' '# swarmgen: allow(' \
        'secret' 'password' 'sshcmd' 'id_rsa' '{env = ' '{file = ' '{command = ' '.Node.Hostname' '<<: *' '&a' '|-\x0a' \
        '{\"py\": \"dict\", \"items\": [[' '{\"py\": \"tuple\", \"items\": [' '{\"py\": \"opaque\", \"what\": ' \
        '{\"py\": \"object\", \"class\": \"' '\"kwargs\": [[\"' 'SSHFSMounter' 'Healthcheck' 'driver_options' \
        'dockerimages' 'spawner_version' '\\ue0f0' '\\u2028' \
        '[[images]]\x0a' '[users.' '\\"\\"\\"' 'name,' '10m' '1GiB' 'spread=' 'node.labels.' 'jupyterhub-user-'
} | sort -u >corpus.dict
