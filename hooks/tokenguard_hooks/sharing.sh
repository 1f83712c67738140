# shellcheck shell=sh
# shellcheck disable=SC2154  # hook.sh and rest.sh, which were sourced before this, set all that is not set here
#
# Puts the hooks to sleep that are in a folder which several repositories may use, as `sharing.py` does: no mark is needed.
# What is done from here on, the next daemon reads from where it, or one before it, has read or settled git's logs last.

# Whether names in tg_hooks are this user's alone to change, and git tracks none of them, or will find what it tracks.
tg_is_free() {
    [ -r "$tg_state/hooks/owning.sh" ] && . "$tg_state/hooks/owning.sh" && tg_is_own "$tg_hooks" || return 1
    tg_up=$tg_hooks
    while [ ! -e "$tg_up/.git" ]; do
        [ -n "$tg_up" ] || return 0
        tg_up=${tg_up%/*}
    done
    set --
    for tg_hook in $tg_events; do
        tg_is_ours "$tg_hook" || continue
        set -- "$@" "$tg_hook" "$tg_hook.tg-asleep" "$tg_hook.tg-chained"
    done
    [ $# != 0 ] || return 0
    # Git names the repository of the commit to its hooks.
    (
        unset GIT_DIR GIT_COMMON_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_OBJECT_DIRECTORY
        cd "$tg_hooks" && tg_lines=$(git -c core.fsmonitor=false ls-files --stage -- "$@") || exit 1
        while read -r tg_mode tg_hash tg_stage tg_name; do
            [ -z "$tg_mode" ] || tg_is_former "$tg_mode" "$tg_hash" "$tg_stage" "$tg_name" || exit 1
        done <<TG_END
$tg_lines
TG_END
    )
} 2>/dev/null

# Whether what git tracks of a hook ($1 mode, $2 hash, $3 stage, $4 name) is exactly what will stand there while ours
# sleeps. Of what has one of our own names, it never is. What a repository names as a filter is a program of its own.
tg_is_former() {
    tg_file=$4.tg-chained
    [ "$3" = 0 ] && [ -f "$tg_file" ] && [ ! -L "$tg_file" ] || return 1
    case $1 in
    100755) [ -x "$tg_file" ] || return 1 ;;
    100644) [ ! -x "$tg_file" ] || return 1 ;;
    *) return 1 ;;
    esac
    case $(git check-attr filter -- "$4") in
    *': unspecified' | *': unset') ;;
    *) return 1 ;;
    esac
    [ "$(git hash-object --path="$4" -- "$tg_file")" = "$2" ]
}

# Put those to sleep in the folder that this hook is in: which may be used by several, `hook_folders` has written down.
tg_put_shared_to_sleep() {
    tg_hooks=
    while IFS= read -r tg_line; do
        tg_file=/${tg_line#*" /"}
        # shellcheck disable=SC3013  # dash, bash, busybox and POSIX.1-2024 know -ef
        case $tg_line in
        '1 '*) [ ! "${tg_chained%/*}" -ef "$tg_file" ] || tg_hooks=$tg_file ;;
        esac
    done <"$tg_state/hooks/folders"
    [ -n "$tg_hooks" ] && tg_loses_nothing && [ -r /proc/self/stat ] || return 0
    tg_begins_as_ours "$0" && tg_read "$0" && tg_own=$tg_text || return 0
    trap '' HUP INT TERM
    tg_is_at_its_end && tg_lock "$tg_state/hooks" && tg_is_gone && ! tg_is_under_way || return 0
    tg_anywhere=1
    if ! tg_is_free; then
        : >|"$tg_state/hooks/.tokenguard-unshared"
    elif tg_find_above && tg_sees_none && tg_is_alone; then
        tg_let_shared_sleep || : >|"$tg_state/hooks/.tokenguard-unshared"
    fi
    [ -e "$tg_folder/tokenguard-spool" ] || tg_note "$tg_noted"
} 2>/dev/null
