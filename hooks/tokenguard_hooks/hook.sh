# shellcheck shell=sh
# shellcheck disable=SC2154  # whoever sources this sets tg_event, tg_state and tg_chained
#
# What the git hooks of tokenguard do. A hook sources this file with its own arguments, and with
#   tg_event    the name of the hook, such as pre-commit
#   tg_state    the folder that tokenguard keeps its state in
#   tg_chained  the hook that was there before, to be run by whoever sources this; empty if there can be none
#
# On the usual way through here no program is started: everything is built into the shell, and that is why a hook costs
# little more than starting one. The daemon is never waited for; where it has died, hooks are put to sleep (rest.sh).
# What is missing, torn or not understood is passed over in silence: tokenguard is in nobody's way when it does not run.
# Names begin with tg_, because a variable that is exported already would be changed for the hook that comes after this
# one.

tg_newline='
'

# The whole of a file, without the newlines at its end, as tg_text.
tg_read() {
    tg_text=
    [ -r "$1" ] || return 1
    while IFS= read -r tg_line || [ -n "$tg_line" ]; do
        tg_text=$tg_text$tg_line$tg_newline
    done 2>/dev/null <"$1"
    while :; do
        case $tg_text in
        *"$tg_newline") tg_text=${tg_text%"$tg_newline"} ;;
        *) break ;;
        esac
    done
    [ -n "$tg_text" ]
}

# Into a folder, physically. With a name that begins with neither / nor ., cd might go elsewhere (CDPATH, -).
tg_enter() {
    case $1 in
    /*) cd -P "$1" 2>/dev/null || return 1 ;;
    *) cd -P "./$1" 2>/dev/null || return 1 ;;
    esac
}

# Of the working tree: tg_git (the folder of its HEAD), tg_common (the one that all working trees share), tg_worktree.
# Git names the former to hooks of linked working trees and submodules; otherwise it is found from where hooks run.
tg_locate() {
    if [ -n "${GIT_DIR-}" ]; then
        tg_git=$GIT_DIR
    elif [ -d .git ]; then
        tg_git=.git
    elif [ -f .git ]; then
        tg_read .git || return 1
        tg_git=${tg_text#gitdir: }
    elif [ -f HEAD ]; then
        tg_git=.
    else
        return 1
    fi
    tg_here=$PWD
    tg_enter "$tg_git" || return 1
    tg_git=$PWD
    tg_worktree=.
    tg_found=1
    if [ -f commondir ]; then
        tg_worktree=${PWD##*/}
        { tg_read commondir && tg_enter "$tg_text"; } || tg_found=
    fi
    tg_common=$PWD
    # Hooks that come after this one count on where they are.
    cd "$tg_here" || exit 0
    [ -n "$tg_found" ] || return 1
    case $tg_worktree in
    *[[:space:]]*) tg_worktree='?' ;;
    esac
    tg_folder=$tg_state/hooks/repositories$tg_common
}

# What HEAD says: tg_ref (empty when it is detached) and tg_branch, which is ? where references are in tables: only git
# can tell there, and it is asked where that is needed.
tg_head() {
    tg_head=
    IFS= read -r tg_head 2>/dev/null <"$tg_git/HEAD"
    tg_ref=
    case $tg_head in
    'ref: refs/heads/.invalid') tg_branch='?' ;;
    'ref: '*) tg_be_on "${tg_head#ref: }" ;;
    *) tg_be_on '' ;;
    esac
}

# HEAD stands for this reference ($1); for none where it is detached.
tg_be_on() {
    tg_ref=$1
    tg_branch=-
    case $tg_ref in
    *[[:space:]]* | refs/heads/) ;;
    refs/heads/*) tg_branch=${tg_ref#refs/heads/} ;;
    esac
}

tg_is_hash() {
    case $1 in
    *[!0123456789abcdef]*) return 1 ;;
    ????????????????????????????????????????) ;;
    ????????????????????????????????????????????????????????????????) ;;
    *) return 1 ;;
    esac
}

# The commit that HEAD stands at, as tg_hash: after a commit its reference is a file of its own, where it is a file.
tg_commit() {
    if [ "$tg_branch" = '?' ]; then
        tg_hash=$(git rev-parse -q HEAD --symbolic-full-name HEAD 2>/dev/null)
        tg_be_on "${tg_hash##*"$tg_newline"}"
        tg_hash=${tg_hash%%"$tg_newline"*}
        tg_is_hash "$tg_hash"
        return
    fi
    tg_hash=$tg_head
    if [ -n "$tg_ref" ]; then
        tg_hash=
        [ ! -f "$tg_common/$tg_ref" ] || IFS= read -r tg_hash 2>/dev/null <"$tg_common/$tg_ref"
    fi
    tg_is_hash "$tg_hash" || tg_hash=$(git rev-parse -q --verify HEAD 2>/dev/null)
    tg_is_hash "$tg_hash"
}

# A line for the daemon, which takes it whenever it comes by: one write, so that lines are never mixed. The last one is
# tg_noted.
tg_note() {
    tg_noted=$1
    [ -d "$tg_folder" ] || mkdir -p "$tg_folder" 2>/dev/null || return 1
    printf '%s\n' "$1" 2>/dev/null >>"$tg_folder/tokenguard-spool"
}

# Note the commit that was made. Where references are in tables, and a daemon says that it can tell from the log of HEAD
# which one that is, its place there is enough: to ask git takes longer than all the rest.
tg_note_commit() {
    if [ "$tg_branch" = '?' ] && tg_is_logged && tg_find_change "$tg_git"; then
        tg_note "1 logged $tg_worktree ${tg_size#0x}"
    else
        tg_commit && tg_note "1 commit $tg_worktree $tg_branch $tg_hash"
    fi
}

# Whether a daemon that lives reads the log of HEAD of this working tree where that is in tables.
tg_is_logged() {
    [ -r "$tg_folder/tokenguard-logged" ] || return 1
    {
        IFS=' ' read -r tg_word tg_format tg_pid && tg_lives || return 1
        while IFS= read -r tg_line; do
            [ "$tg_line" != "$tg_worktree" ] || return 0
        done
    } 2>/dev/null <"$tg_folder/tokenguard-logged"
    return 1
}

# The last change of any reference in the tables of the folder $1, which the name of the last one tells: tg_size, as in
# 0x00000000002a.
tg_find_change() {
    tg_size=
    while IFS= read -r tg_name; do
        tg_size=${tg_name#0x*-}
    done 2>/dev/null <"$1/reftable/tables.list"
    tg_size=${tg_size%%-*}
    case $tg_size in
    0x | 0x*[!0123456789abcdef]*) return 1 ;;
    0x*) return 0 ;;
    *) return 1 ;;
    esac
}

# Whether tg_pid can be the number of a process. One that is longer than any of a system names another one in some shells.
tg_is_number() {
    case $tg_pid in
    '' | 0* | *[!0123456789]* | ??????????*) return 1 ;;
    esac
}

# Whether tg_word, tg_format and tg_pid, the first line of a file, name a daemon that lives.
tg_lives() {
    [ "$tg_word $tg_format" = 'tokenguard 1' ] && tg_is_number && kill -0 "$tg_pid" 2>/dev/null
}

# Whether the process tg_pid runs. What has ended and nobody has asked after has no folder any more.
tg_runs() {
    kill -0 "$tg_pid" && { [ -d "/proc/$tg_pid/cwd" ] || [ ! -d "/proc/$$/cwd" ]; }
} 2>/dev/null

# Whether a line of a file is about this working tree and branch.
tg_fits() {
    case $1 in
    "$tg_worktree" | '*') ;;
    *) return 1 ;;
    esac
    [ "$2" != '*' ] || return 0
    [ "$tg_branch" != '?' ] || tg_be_on "$(git symbolic-ref -q HEAD 2>/dev/null </dev/null)"
    [ "$2" = "$tg_branch" ]
}

# Whether everything in the status file holds still: the daemon dates it to when the first of its lines ends, and what is
# written now is older than that. A file that nobody has dated was written before its lines end, so it is right as well.
tg_is_current() {
    printf '\n' >|"$tg_state/hooks/now" || return 1
    # shellcheck disable=SC3013  # dash, bash, busybox and POSIX.1-2024 know -nt; without it, a clock is asked.
    [ "$tg_folder/tokenguard-status" -nt "$tg_state/hooks/now" ]
} 2>/dev/null

# Whether what a line says holds still. A program is started only where the file's date does not tell.
tg_holds() {
    case $1 in
    0) return 0 ;;
    '' | *[!0123456789]* | ????????????????*) return 1 ;;
    esac
    ! tg_is_current || return 0
    [ -n "${tg_now-}" ] || tg_now=$(date +%s 2>/dev/null || /bin/date +%s 2>/dev/null)
    case $tg_now in
    '' | *[!0123456789]*) return 1 ;;
    esac
    [ "$tg_now" -lt "$1" ]
}

# Whether no daemon lives. One that hangs does, and so does, as far as can be told, one whose number another process has.
tg_is_gone() {
    # This line is the shorter one, and a shell may read letter by letter.
    IFS=' ' read -r tg_word tg_format tg_pid <"$tg_folder/tokenguard-status" && tg_lives && tg_runs && return 1
    [ -e "$tg_state/daemon.json" ] || return 0
    tg_word=
    tg_pid=
    IFS=:, read -r tg_word tg_pid tg_line <"$tg_state/daemon.json"
    [ "$tg_word" = '{"pid"' ] && tg_is_number || return 0
    # To somebody else's process nothing may be sent.
    ! tg_runs && { kill -0 "$tg_pid" || [ ! -e "/proc/$tg_pid" ]; }
} 2>/dev/null

# A daemon that ends puts hooks to sleep. Where it could not, the first of them that has noted something does, unless it
# was seen before that they cannot sleep, or this one is none of those that can.
tg_rest() {
    tg_is_gone || return 0
    tg_file=$tg_common/tokenguard-hooks
    [ -z "$tg_chained" ] || tg_file=$tg_common/hooks/$tg_event
    tg_own_rest=
    [ ! -f "$tg_file" ] || [ -e "$tg_folder/.tokenguard-sleepless" ] || tg_own_rest=1
    tg_all_rest=
    [ ! -f "$tg_state/hooks/everywhere" ] || [ -e "$tg_state/hooks/.tokenguard-sleepless" ] || tg_all_rest=1
    tg_shared_rest=
    [ -z "$tg_chained" ] || [ ! -f "$tg_state/hooks/folders" ] || [ -e "$tg_state/hooks/.tokenguard-sleepless" ] ||
        [ -e "$tg_state/hooks/.tokenguard-unshared" ] || tg_shared_rest=1
    tg_lines_rest=
    [ ! -e "$tg_state/hooks/awake" ] || tg_lines_rest=1
    tg_go_to_rest
}

tg_go_to_rest() {
    [ -n "$tg_own_rest$tg_all_rest$tg_shared_rest$tg_lines_rest" ] && [ -r "$tg_state/hooks/rest.sh" ] || return 0
    . "$tg_state/hooks/rest.sh"
}

# Lines that do something only while the daemon runs: that commits are to be read from git's logs is said once.
tg_be_managed() {
    [ -z "${tg_managed-}" ] || [ -e "$tg_folder/.tokenguard-managed" ] || printf '' >|"$tg_folder/.tokenguard-managed"
} 2>/dev/null

# What a hook manager runs before a commit is all that it has to run of ours: to a daemon that lives it is said each time.
tg_end_managed() {
    [ -n "${tg_managed-}" ] || return 0
    if ! tg_is_gone; then
        [ -z "$tg_verdict" ] || tg_note "1 begin $tg_worktree $tg_branch"
    elif [ -e "$tg_state/hooks/awake" ]; then
        tg_own_rest=
        tg_all_rest=
        tg_shared_rest=
        tg_lines_rest=1
        tg_go_to_rest
    fi
} 2>/dev/null

# What the daemon says to a commit or a push ($1): tg_verdict (ok, warn or block; empty without a daemon), tg_message.
tg_ask() {
    tg_verdict=
    tg_message=
    tg_now=
    [ -r "$tg_folder/tokenguard-status" ] || return 0
    {
        # A line that was not written to its end is not read.
        IFS=' ' read -r tg_word tg_format tg_pid && tg_lives && tg_verdict=ok &&
            while IFS=' ' read -r tg_tree tg_for tg_until tg_at_commit tg_at_push tg_text; do
                tg_fits "$tg_tree" "$tg_for" || continue
                case $1 in
                commit) tg_level=$tg_at_commit ;;
                *) tg_level=$tg_at_push ;;
                esac
                case $tg_level:$tg_text in
                *[[:cntrl:]]* | *:) break ;;
                warn:* | block:*) tg_holds "$tg_until" || continue ;;
                *) break ;;
                esac
                tg_verdict=$tg_level
                tg_message=${tg_text%.}
                break
            done
    } 2>/dev/null <"$tg_folder/tokenguard-status"
    return 0
}

# Tell what the daemon says to a commit or a push, and stop it if that is what it says.
tg_speak() {
    case $1 in
    commit) tg_doing=Committing ;;
    *) tg_doing=Pushing ;;
    esac
    case $tg_verdict in
    '' | ok) return 0 ;;
    warn)
        printf 'tokenguard: %s. %s goes on.\n' "${tg_message%%. To go on: *}" "$tg_doing" >&2
        return 0
        ;;
    esac
    tg_reason=${TOKENGUARD_OVERRIDE-}
    while :; do
        case $tg_reason in
        *[[:cntrl:]]*) tg_reason="${tg_reason%%[[:cntrl:]]*} ${tg_reason#*[[:cntrl:]]}" ;;
        ' '*) tg_reason=${tg_reason# } ;;
        *) break ;;
        esac
    done
    if [ -n "$tg_reason" ]; then
        tg_reason=$(printf '%.500s' "$tg_reason")
        tg_note "1 override $tg_worktree $tg_branch $1 $tg_reason" || tg_reason="$tg_reason (which could not be noted)"
        printf 'tokenguard: %s. %s goes on, as you say: %s\n' \
            "${tg_message%%. To go on: *}" "$tg_doing" "$tg_reason" >&2
        return 0
    fi
    case $tg_message in
    *'. To go on: '*) tg_message="$tg_message, or" ;;
    *) tg_message="$tg_message. To go on:" ;;
    esac
    printf 'tokenguard: this %s is stopped: %s TOKENGUARD_OVERRIDE=WHY git %s\n' "$1" "$tg_message" "$1" >&2
    exit 1
}

# The commits that git merge --squash has put together: their names are gone once this commit is made.
tg_squash() {
    [ -f "$tg_git/SQUASH_MSG" ] || return 0
    tg_hashes=
    while IFS= read -r tg_line; do
        case $tg_line in
        'commit '*) tg_is_hash "${tg_line#commit }" && tg_hashes="$tg_hashes ${tg_line#commit }" ;;
        esac
        # Beyond a few kilobytes it might not be one write.
        if [ ${#tg_hashes} -gt 2000 ]; then
            tg_note "1 squash $tg_worktree$tg_hashes"
            tg_hashes=
        fi
    done 2>/dev/null <"$tg_git/SQUASH_MSG"
    [ -z "$tg_hashes" ] || tg_note "1 squash $tg_worktree$tg_hashes"
}

# What a rewriting command ($1) tells on stdin; the hook that comes after this one gets it, too.
tg_rewritten() {
    case $1 in
    amend) tg_kind=amend ;;
    *) tg_kind=rebase ;;
    esac
    tg_lines=
    while IFS= read -r tg_line; do
        tg_lines=${tg_lines:+$tg_lines$tg_newline}$tg_line
        tg_old=${tg_line%% *}
        tg_new=${tg_line#* }
        tg_new=${tg_new%% *}
        tg_is_hash "$tg_old" && tg_is_hash "$tg_new" && tg_note "1 rewrite $tg_kind $tg_old $tg_new"
    done
}

tg_chain_with_lines() {
    [ -x "$tg_chained" ] || exit 0
    [ -n "$tg_lines" ] || exec "$tg_chained" "$@" </dev/null
    exec "$tg_chained" "$@" <<TG_END
$tg_lines
TG_END
}

# The run to which this commit is due: tg_session and tg_agent, each of them - where it is not to be named.
tg_run() {
    tg_session=-
    tg_agent=-
    [ -r "$tg_folder/tokenguard-trailers" ] || return 1
    {
        IFS=' ' read -r tg_word tg_format tg_pid && tg_lives &&
            while IFS=' ' read -r tg_tree tg_for tg_text; do
                tg_fits "$tg_tree" "$tg_for" || continue
                case $tg_text in
                *[[:cntrl:]]*) break ;;
                *' '*) ;;
                *) break ;;
                esac
                tg_session=${tg_text%% *}
                tg_agent=${tg_text#* }
                break
            done
    } 2>/dev/null <"$tg_folder/tokenguard-trailers"
    [ "$tg_session $tg_agent" != '- -' ]
}

# Whether git is repeating commits that were made before, or merging: the run of today has not made those.
tg_repeats() {
    [ -e "$tg_git/rebase-merge" ] || [ -e "$tg_git/rebase-apply" ] || [ -e "$tg_git/CHERRY_PICK_HEAD" ] ||
        [ -e "$tg_git/REVERT_HEAD" ] || [ -e "$tg_git/MERGE_HEAD" ]
}

# Whether a message says something yet. With nothing but trailers in it, git would take it for one, and a commit that
# somebody gives up by leaving the message empty would be made.
tg_says_something() {
    tg_text=
    while IFS= read -r tg_line || [ -n "$tg_line" ]; do
        case $tg_line in
        *' ------------------------ >8 ------------------------') break ;;
        esac
        tg_text=$tg_text$tg_line$tg_newline
    done 2>/dev/null <"$1"
    [ -n "$(printf '%s' "$tg_text" | git stripspace --strip-comments 2>/dev/null)" ]
}

# Name the run in a commit's message, in the file $1.
tg_trailers() {
    set -- "$1" --no-divider --if-exists addIfDifferent
    [ "$tg_session" = - ] || set -- "$@" --trailer "Tokenguard-Session: $tg_session"
    [ "$tg_agent" = - ] || set -- "$@" --trailer "Assisted-by: $tg_agent"
    tg_file=$1
    shift
    git interpret-trailers --in-place "$@" "$tg_file" 2>/dev/null
}

# Hooks that write the message go before this.
tg_sign() {
    [ -f "${1-}" ] && ! tg_repeats && tg_run || return 0
    if [ -x "$tg_chained" ]; then
        "$tg_chained" "$@" || exit
    fi
    ! tg_says_something "$1" || tg_trailers "$1"
    exit 0
}

tg_hook() {
    if ! tg_locate; then
        return 0
    fi
    [ -d "$tg_folder" ] || mkdir -p "$tg_folder" 2>/dev/null || return 0
    tg_head
    case $tg_event in
    pre-commit)
        tg_squash
        tg_be_managed
        tg_ask commit
        tg_speak commit
        tg_end_managed
        ;;
    pre-push)
        tg_ask push
        [ -z "$tg_verdict" ] || tg_note "1 push $tg_worktree $tg_branch"
        tg_speak push
        ;;
    prepare-commit-msg)
        tg_squash
        tg_sign "$@"
        ;;
    commit-msg) tg_sign "$@" ;;
    post-commit)
        tg_be_managed
        tg_note_commit && tg_rest
        ;;
    post-rewrite)
        tg_rewritten "${1-}" && [ "${1-}" = amend ] && tg_rest
        tg_chain_with_lines "$@"
        ;;
    esac
    return 0
}

tg_hook "$@" || :
