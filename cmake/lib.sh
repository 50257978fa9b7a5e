# shellcheck shell=bash disable=SC2034,SC2154
# Shared by cmake/fetch, deploy/up and tests/run (bash; sourced, never run).
#
# What all three need: to speak in one voice, to show progress in long steps, and to know which Debian
# packages are missing. Everything here works on a bare Debian 12: bash, coreutils, awk, sed, grep, dpkg.
#
# The caller sets `root` (the checkout) before sourcing, and runs under `set -euo pipefail`.

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'
    live=yes # the line being written may be rewritten
else
    bold='' dim='' green='' red='' yellow='' plain='' live=''
fi

done_line() { printf '%s✓%s %s\n' "$green" "$plain" "$1"; }
note() { printf '%s•%s %s\n' "$yellow" "$plain" "$1"; }
die() {
    printf '%s✗ %s%s\n' "$red" "$1" "$plain" >&2
    shift
    if (($#)); then printf '  %s\n' "$@" >&2; fi
    exit 1
}

# The comment at the top of a script is its help: print it from the second line to the first blank one.
help_of() { sed -n '2,/^$/{s/^# \{0,1\}//;/^$/!p;}' "$1" | sed 's/^\.$//'; }

# -- progress ---------------------------------------------------------------------------------------------

megabytes() { printf '%d MB' $((($1 + 500000) / 1000000)); }

# folder_bytes DIR: what DIR holds now; 0 while it is not there.
folder_bytes() {
    local size
    size=$(du -sb "$1" 2>/dev/null | cut -f1) || true
    printf '%d' "${size:-0}"
}

# with_progress LABEL METER LOG COMMAND...
# Runs COMMAND, its output going to LOG, and shows how far it has come. METER says how to tell:
#   time              the seconds spent
#   size:DIR:BYTES    how far the folder DIR has grown towards BYTES
#   ninja             the last [n/m] in LOG
# Where the output is no terminal, a line every 20 s says the same. On failure the end of LOG is printed,
# and the status is COMMAND's.
with_progress() {
    local status=0 before
    before=$(stat -c %s "$3")
    with_meter "$@" || status=$?
    if ((status)); then
        printf '%s✗ %s failed; the end of its output:%s\n' "$red" "$1" "$plain" >&2
        tail -c +$((before + 1)) "$3" | tail -n 15 | sed 's/^/  /' >&2
    fi
    return "$status"
}

# with_meter: the same, and it leaves a failure to the caller.
with_meter() {
    local label=$1 meter=$2 log=$3 start=$SECONDS spoke=$SECONDS base=0 status=0 state
    shift 3
    if [[ $meter == size:* ]]; then base=$(folder_bytes "$(cut -d: -f2 <<<"$meter")"); fi
    set -m # a process group of its own, so that with_progress_stop reaches all of it
    "$@" >>"$log" 2>&1 </dev/null &
    with_progress_child=$!
    set +m
    while kill -0 "$with_progress_child" 2>/dev/null; do
        if [[ $live ]] || ((SECONDS - spoke >= 20)); then
            state=$(progress_state "$meter" "$base" $((SECONDS - start)) "$log")
            if [[ $live ]]; then
                printf '\r\e[K  %s %s%s%s' "$label" "$dim" "$state" "$plain"
            else
                printf '  %s: %s\n' "$label" "$state"
                spoke=$SECONDS
            fi
        fi
        sleep 0.2
    done
    if [[ $live ]]; then printf '\r\e[K'; fi
    wait "$with_progress_child" || status=$?
    with_progress_child=''
    return "$status"
}

# progress_state METER BASE SECONDS LOG: what there is to say now.
progress_state() {
    local kind dir total now
    IFS=: read -r kind dir total <<<"$1"
    case $kind in
        size)
            now=$(($(folder_bytes "$dir") - $2))
            ((now > 0)) || now=0
            ((now < total)) || now=$total
            printf '%s %s of %s' "$(progress_bar "$now" "$total")" "$(megabytes "$now")" "$(megabytes "$total")"
            ;;
        ninja)
            read -r now total < <(sed -n 's/^\[\([0-9]*\)\/\([0-9]*\)\].*/\1 \2/p' "$4" | tail -n 1) || true
            if [[ ${total:-} ]]; then
                printf '%s %d of %d' "$(progress_bar "$now" "$total")" "$now" "$total"
            fi
            ;;
        *) printf '%d s' "$3" ;;
    esac
}

with_progress_child=''

# For on_exit: ends what with_progress was waiting for, with everything that it had started.
with_progress_stop() {
    if [[ $with_progress_child ]]; then kill -TERM -- "-$with_progress_child" 2>/dev/null || true; fi
}

# on_exit COMMAND: runs COMMAND however the script ends.
on_exit() {
    # shellcheck disable=SC2064 # now is when it is known
    trap "$1" EXIT
    # A progress line that is being written is ended, so that the prompt does not land on it.
    trap 'if [[ $live ]]; then echo; fi; exit 130' INT
    trap 'exit 143' TERM HUP
}

progress_bar() {
    local width=24 filled i bar=''
    filled=$(($1 * width / $2))
    for ((i = 0; i < width; i++)); do
        if ((i < filled)); then bar+='━'; else bar+='╌'; fi
    done
    printf '%s %3d%%' "$bar" $(($1 * 100 / $2))
}

# -- Debian packages --------------------------------------------------------------------------------------

# packages_missing NEED...: the packages that cmake/packages lists for NEED and that are not installed.
packages_missing() {
    local wanted
    wanted=$(awk -v needs=" $* " '!/^#/ && index(needs, " " $1 " ") { print $2 }' "$root/cmake/packages" | sort -u)
    # shellcheck disable=SC2086 # a list of words
    comm -23 <(printf '%s\n' $wanted) <(packages_installed $wanted | sort -u)
}

# packages_installed PACKAGE...: those of them that are installed.
packages_installed() {
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | awk '$2 == "installed" { print $1 }'
}

# packages_install YES NEED...: installs what is missing, having said what that is. With YES empty and a
# terminal to ask on, it asks first.
packages_install() {
    local yes=$1 missing as_root='' answer
    shift
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        note "no apt here: the packages that cmake/packages names are taken to be there"
        return 0
    fi
    missing=$(packages_missing "$@" | tr '\n' ' ')
    if [[ -z $missing ]]; then return 0; fi
    note "Debian packages to install: ${missing% }"
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "installing them needs root, and there is no sudo here" "as root: apt-get install -y $missing"
        as_root=sudo
    fi
    if [[ -z $yes && -t 0 && -t 1 ]]; then
        read -r -p "  Install them now? [Y/n] " answer
        [[ ${answer:-y} == [Yy]* ]] || die "nothing was installed" "yourself: apt-get install -y $missing"
    fi
    if [[ $as_root ]]; then sudo -v || die "sudo said no" "yourself, as root: apt-get install -y $missing"; fi
    mkdir -p "$root/build"
    local log=$root/build/apt.log
    : >"$log"
    with_progress "reading the package lists" time "$log" $as_root apt-get -q update ||
        note "the package lists could not all be read again; going on with those that are here"
    # shellcheck disable=SC2086 # a list of words
    with_progress "installing packages" time "$log" $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends $missing ||
        die "apt-get could not install them" "its whole output: build/apt.log"
    done_line "packages installed"
}

# -- building ---------------------------------------------------------------------------------------------

# build_preset PRESET: configures build/PRESET where that is needed, and builds what has changed. What a
# failed build said is printed, its first errors first; all of it is in build/PRESET.log.
build_preset() {
    local build=$root/build/$1 log=$root/build/$1.log
    mkdir -p "$root/build"
    : >"$log"
    if [[ ! -f $build/build.ninja ]] ||
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
        with_progress "configuring $1" time "$log" cmake --fresh --preset "$1" -S "$root" || return 1
    fi
    if ! with_meter "building $1" ninja "$log" cmake --build "$build"; then
        printf '%s✗ the %s build failed; build/%s.log has all of it:%s\n' "$red" "$1" "$1" "$plain"
        sed -n '/^FAILED:\|^CMake Error/,${/^\[/!p}' "$log" | head -n 40 | sed 's/^/    /'
        return 1
    fi
    if grep -q 'no work to do' "$log"; then done_line "build: $1, up to date"; else done_line "build: $1"; fi
}
