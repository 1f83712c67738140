# shellcheck shell=sh
# shellcheck disable=SC2154  # hook.sh, which sources this, sets all that is not set here
#
# Puts the hooks of a repository to sleep where the daemon has died and could not do so itself; `resting.py` does the same
# where it can, with the same names and under the same lock. What has to be started for it (mv, ln, tail...) is started
# once: git finds no hook after that. Everything that was done up to here is noted already, and what is done from here on
# the next daemon reads from git's logs, as far as they went when the mark was put.
#
# Whatever is not there (flock, /proc, second names...) or not understood leaves hooks awake, and whoever is interrupted
# leaves what waking goes on from.

# Hooks that can make a command of git fail come first: the shorter is the time in which one might be looked for. Last
# comes the one that all of this begins with: where it is awake, it goes on.
tg_events='pre-commit commit-msg prepare-commit-msg pre-push post-rewrite post-commit'

# Keep others from changing the hooks of a repository, or of all, until fd 9 is closed: as `locking.alone` does.
tg_lock() {
    exec 9<"$1" || return 1
    # Systems without the program have Perl.
    flock -n 9 || perl -e 'open(F, "<&=9") && flock(F, 6) or exit 1'
} 2>/dev/null

# Whether git is in the midst of making commits in a working tree.
tg_is_under_way() {
    for tg_tree in "$tg_common" "$tg_common"/worktrees/*; do
        for tg_name in index.lock rebase-merge rebase-apply sequencer; do
            [ ! -e "$tg_tree/$tg_name" ] || return 0
        done
    done
    return 1
}

# Whether a repository may be a bare one: those that are not say so.
tg_may_be_bare() {
    for tg_settings in "$tg_common/config" "$tg_common/config.worktree"; do
        [ -r "$tg_settings" ] || continue
        while IFS= read -r tg_line || [ -n "$tg_line" ]; do
            case $tg_line in
            *[Bb][Aa][Rr][Ee]*=*[Ff][Aa][Ll][Ss][Ee]*) ;;
            *[Bb][Aa][Rr][Ee]*) return 0 ;;
            esac
        done <"$tg_settings"
    done
    return 1
}

# Whether git keeps a log of HEAD in this repository: in a file, or in tables, which git is asked of.
tg_has_log() {
    if [ -f "$tg_common/reftable/tables.list" ]; then
        GIT_DIR=$tg_common git reflog exists HEAD
    else
        [ -f "$tg_common/logs/HEAD" ]
    fi
} 2>/dev/null

# Whether git keeps a log, or will where a bare repository has commits of its own some day. It is asked only there.
tg_loses_nothing() {
    ! tg_has_log || return 0
    tg_may_be_bare || return 1
    IFS= read -r tg_line <"$tg_common/HEAD" || return 1
    # References in tables that are not there are in another folder, and so are logs.
    [ "$tg_line" != 'ref: refs/heads/.invalid' ] || [ -f "$tg_common/reftable/tables.list" ] || return 1
    [ "$(git --git-dir="$tg_common" config --type=bool --get core.bare)" = true ] &&
        [ "$(git --git-dir="$tg_common" config --type=bool --get core.logAllRefUpdates)" != false ]
} 2>/dev/null

# The last line of the log of HEAD in the folder $1, as tg_line; of one in tables, as `logs` knows it again.
tg_last_line() {
    if [ -f "$1/reftable/tables.list" ]; then
        tg_line=$(GIT_DIR=$1 git log --walk-reflogs --max-count=1 --no-patch --no-show-signature --no-color \
            --encoding=UTF-8 --date=raw --format='%H %gd %gs' HEAD)
    else
        tg_line=$(tail -n 1 "$1/logs/HEAD")
    fi 2>/dev/null && [ -n "$tg_line" ]
}

# How far that log goes, as tg_size, once its last line was read: in tables, no further than the last change of any
# reference, which the name of the last table tells.
tg_measure() {
    if [ ! -f "$1/reftable/tables.list" ]; then
        tg_size=$(wc -c <"$1/logs/HEAD")
        return
    fi
    tg_find_change "$1"
}

# Whether no other hook of ours is due to what is done now.
tg_is_at_its_end() {
    # A command of git's with a name of its own in the logs may not have come to its end with this hook.
    [ -z "${GIT_REFLOG_ACTION-}" ] && tg_last_line "$tg_git" || return 1
    case $tg_event:$tg_line in
    post-commit:*'commit (amend): '*) return 1 ;;
    esac
}

# Say in the repository that hooks sleep, for whom, and how far git's logs go. A log that grows between the two looks at
# it is longer than up to that line: whoever reads it goes back to where the line is. A mark of earlier holds as well:
# what was noted since is read a second time.
tg_put_mark() {
    tg_mark=$tg_common/tokenguard-asleep
    tg_is_new=
    if [ -e "$tg_mark" ]; then
        tg_line=$(tr '\000' '\n' <"$tg_mark")
        case $tg_line in
        "1$tg_newline$tg_state" | "1$tg_newline$tg_state$tg_newline"*) return 0 ;;
        *) return 1 ;;
        esac
    fi
    tg_is_new=1
    {
        printf '1\0%s' "$tg_state"
        for tg_log in "$tg_common" "$tg_common"/worktrees/*; do
            tg_last_line "$tg_log" || [ -f "$tg_log/logs/HEAD" ] || continue
            tg_tree=${tg_log#"$tg_common"}
            tg_tree=${tg_tree#/worktrees/}
            tg_measure "$tg_log" || return 1
            printf '\0%s\0%d\0%s' "${tg_tree:-.}" "$tg_size" "$tg_line"
        done
    } >|"$tg_mark.new" && mv -f "$tg_mark.new" "$tg_mark"
} 2>/dev/null

# Whether the hooks in a file beside git's configuration are those of this state folder. One whose name has to be quoted
# otherwise is not known again.
tg_is_configured() {
    [ -z "$tg_chained" ] && [ ! -L "$1" ] && tg_read "$1" || return 1
    case $tg_text in
    *" tg_state=$tg_state;"* | *" tg_state='$tg_state';"*) ;;
    *) return 1 ;;
    esac
}

# Whether this hook is one of the repository's own folder, and other processes are there to be seen.
tg_is_in_own_folder() {
    [ -n "$tg_chained" ] && [ ! -L "$tg_common/hooks" ] && [ -r /proc/self/stat ] || return 1
    # shellcheck disable=SC3013  # dash, bash, busybox and POSIX.1-2024 know -ef; without it, hooks stay awake.
    [ "${tg_chained%/*}" -ef "$tg_common/hooks" ] && tg_begins_as_ours "$0" && tg_read "$0" && tg_own=$tg_text &&
        tg_hooks=$tg_common/hooks
}

# Whether the first two lines of a file are those of a hook of ours. Others may be programs of many megabytes.
tg_begins_as_ours() {
    { IFS= read -r tg_line && IFS= read -r tg_name; } 2>/dev/null <"$1" || return 1
    case $tg_line:$tg_name in
    '#!/bin/sh:# tokenguard-hook 1: '*) ;;
    *) return 1 ;;
    esac
}

# Whether a hook is ours as this one is. What it would be called for is the first thing that they differ in.
tg_is_ours() {
    tg_file=$tg_hooks/$1
    [ -f "$tg_file" ] && [ ! -L "$tg_file" ] && tg_begins_as_ours "$tg_file" && tg_read "$tg_file" &&
        [ "$tg_text" = "${tg_own%%"tg_event=$tg_event "*}tg_event=$1 ${tg_own#*"tg_event=$tg_event "}" ]
}

# Those that wait for this hook, as tg_above.
tg_find_above() {
    tg_above=' '
    tg_up=$PPID
    while [ "$tg_up" -gt 1 ]; do
        tg_above="$tg_above$tg_up "
        IFS= read -r tg_line <"/proc/$tg_up/stat" || return 1
        tg_line=${tg_line##*') '}
        tg_line=${tg_line#* }
        tg_up=${tg_line%% *}
    done
} 2>/dev/null

# Those besides, and the working trees of this repository, for tg_is_alone.
tg_look_around() {
    # Where the main working tree is not known, or there is none, a git may work in any folder.
    case $tg_worktree:$tg_common in
    .:* | *:*/.git) tg_anywhere= ;;
    *) tg_anywhere=1 ;;
    esac
    ! tg_may_be_bare || tg_anywhere=1
    tg_find_above || return 1
    set -- "${tg_common%/.git}"
    [ "$1" = "$PWD" ] || set -- "$@" "$PWD"
    for tg_tree in "$tg_common"/worktrees/*; do
        tg_read "$tg_tree/gitdir" || continue
        case $tg_text in
        /*) set -- "$@" "${tg_text%/.git}" ;;
        *) set -- "$@" "$tg_tree/${tg_text%/.git}" ;;
        esac
    done
    tg_sees_none "$@" && tg_is_alone "$@" && tg_let_all_sleep "$@"
} 2>/dev/null

# Whether no git is at work in one of these folders: one that has found a hook must find it again when it starts it, and
# one that has made a commit starts a hook that notes it.
tg_sees_none() {
    read -r tg_line </proc/loadavg || return 1
    tg_newest=${tg_line##* }
    for tg_process in /proc/[0-9]*; do
        ! tg_is_near "$@" || return 1
    done
}

# Whether none is among what has begun since. One that begins now takes longer to come to a hook than that takes to have
# another name.
tg_is_alone() {
    while read -r tg_line </proc/loadavg && [ "${tg_line##* }" -gt "$tg_newest" ]; do
        tg_newest=$((tg_newest + 1))
        tg_process=/proc/$tg_newest
        ! tg_is_near "$@" || return 1
    done
    # Numbers of processes have begun anew.
    [ "${tg_line##* }" = "$tg_newest" ] || tg_sees_none "$@"
}

# Whether a process works in one of these folders, or tg_anywhere, and is a git that may start a hook and does not wait
# for this one.
tg_is_near() {
    tg_is_there=$tg_anywhere
    for tg_tree; do
        # shellcheck disable=SC3013  # dash, bash, busybox and POSIX.1-2024 know -ef
        [ ! "$tg_process/cwd" -ef "$tg_tree" ] || tg_is_there=1
    done
    [ -n "$tg_is_there" ] || return 1
    case $tg_above in
    *" ${tg_process#/proc/} "*) return 1 ;;
    esac
    tg_may_commit "$tg_process"
}

# Whether a process is a git that may start a hook. Some of those that do not run for hours, or all the time, or in the
# background after each commit. One that has ended has no folder, and no words.
tg_may_commit() {
    IFS= read -r tg_name <"$1/comm" || return 1
    tg_line=
    IFS= read -r tg_line <"$1/cmdline"
    case $tg_name:$tg_line in
    git:*gitmaintenancerun--auto* | git:*gitgc--auto*) return 1 ;;
    git:) [ -d "$1/cwd" ] || return 1 ;;
    git:*git*cat-file--batch*) return 1 ;;
    git:gitlog* | git:gitreflog* | git:gitdiff* | git:gitshow* | git:gitblame* | git:gitgrep*) return 1 ;;
    git:/*/gitlog* | git:/*/gitdiff* | git:/*/gitshow* | git:/*/gitblame* | git:/*/gitgrep*) return 1 ;;
    git:* | git-*) ;;
    *) return 1 ;;
    esac
} 2>/dev/null

# Put hooks to sleep, as `sleeping.put_to_sleep` does: the one that was there before is there at each instant. Where none
# was, one that is looked for in that instant fails: where others may commit, in other working trees, more is done against
# that. What cannot be done is not tried again. Whatever comes of it, the mark holds from here on.
tg_let_all_sleep() {
    if [ -n "$tg_anywhere" ] || [ -d "$tg_common/worktrees" ]; then
        tg_let_shared_sleep || : >|"$tg_folder/.tokenguard-sleepless"
        return 0
    fi
    for tg_hook in $tg_events; do
        tg_is_ours "$tg_hook" || continue
        tg_clean_up
        if tg_has_former; then
            tg_let_former_stand
        else
            # The last of them, which is awake then, goes on after the next commit.
            tg_is_alone "$@" || return 0
            mv -f "$tg_file" "$tg_file.tg-asleep"
        fi || : >|"$tg_folder/.tokenguard-sleepless"
    done
    return 0
}

# What somebody has left who was interrupted.
tg_clean_up() {
    for tg_name in "$tg_file.tg-asleep" "$tg_file.tg-turning"; do
        [ ! -e "$tg_name" ] || rm -f "$tg_name"
    done
}

tg_has_former() {
    [ -e "$tg_file.tg-chained" ] || [ -L "$tg_file.tg-chained" ]
}

# Let the hook that was there before stand in the place of ours. What ln makes of a link differs from system to system,
# unless it is told; where it cannot be, hooks stay awake.
tg_let_former_stand() {
    [ -e "$tg_file.tg-chained" ] && ! tg_begins_as_ours "$tg_file.tg-chained" || return 1
    tg_option=
    [ ! -L "$tg_file.tg-chained" ] || tg_option=-P
    ln "$tg_file" "$tg_file.tg-asleep" || return 1
    ln $tg_option "$tg_file.tg-chained" "$tg_file.tg-turning" && mv -f "$tg_file.tg-turning" "$tg_file" && return
    rm -f "$tg_file.tg-asleep" "$tg_file.tg-turning"
    return 1
}

tg_put_to_sleep() {
    tg_own=
    tg_loses_nothing && { tg_is_configured "$tg_common/tokenguard-hooks" || tg_is_in_own_folder; } || return 0
    # Whoever gives up a command now does not give this up halfway.
    trap '' HUP INT TERM
    tg_is_at_its_end && tg_lock "$tg_common" && tg_is_gone && ! tg_is_under_way && tg_put_mark || return 0
    if [ -z "$tg_own" ]; then
        # Git reads its configuration once: one that has begun already finds what it has found.
        mv -f "$tg_common/tokenguard-hooks" "$tg_common/tokenguard-hooks.tg-asleep" 2>/dev/null
    else
        tg_look_around
    fi || [ -z "$tg_is_new" ] || rm -f "$tg_mark"
    # Who has taken what was noted is a daemon that lives, and may have looked whether hooks sleep before they did. Taking
    # the same again changes nothing, and then it looks again.
    [ -e "$tg_folder/tokenguard-spool" ] || tg_note "$tg_noted"
}

# The hooks of all repositories: where they are, `reaching.put` says. No mark is needed: what is done from here on, the next
# daemon reads from where it, or one before it, has read or settled git's logs last.
tg_put_all_to_sleep() {
    { read -r tg_word tg_line && IFS= read -r tg_file; } <"$tg_state/hooks/everywhere" || return 0
    [ "$tg_word" = 1 ] && tg_loses_nothing && tg_is_configured "$tg_file" || return 0
    trap '' HUP INT TERM
    tg_is_at_its_end && tg_lock "$tg_state/hooks" && tg_is_gone && ! tg_is_under_way || return 0
    mv -f "$tg_file" "$tg_file.tg-asleep"
    [ -e "$tg_folder/tokenguard-spool" ] || tg_note "$tg_noted"
} 2>/dev/null

# Give hooks that nobody was before another name, unless a git has begun since tg_newest, or a moment before that, when it
# could not be seen what it would become. In other repositories others may commit: between the last look and the new name
# there is no time to start a program. 1 is to be tried again.
tg_take_away() {
    # shellcheck disable=SC2016  # these are names of Perl's
    perl -e '
        my ($newest, $above) = splice(@ARGV, 0, 2);
        for my $hook (@ARGV) {
            open(my $load, "<", "/proc/loadavg") or exit 2;
            my ($now) = <$load> =~ / (\d+)$/ or exit 2;
            exit 1 if $now < $newest;
            for my $pid ($newest - 64 .. $now) {
                open(my $comm, "<", "/proc/$pid/comm") or next;
                next unless <$comm> =~ /^git(-|$)/ && index($above, " $pid ") < 0;
                open(my $file, "<", "/proc/$pid/cmdline") or exit 1;
                my $words = <$file> // "";
                next if $words =~ /\0(maintenance\0run|gc)\0--auto/;
                exit 1 if $words ne "" || -d "/proc/$pid/cwd";
            }
            rename($hook, "$hook.tg-asleep") or exit 2;
        }' "$tg_newest" "$tg_above" "$@"
} 2>/dev/null

# Whether there is nothing left to be tried. A hook that others stand behind is never missing. What follows a commit is
# the last one here, too: it goes on where this was interrupted.
tg_let_shared_sleep() {
    set --
    tg_last=
    tg_left=
    for tg_hook in $tg_events; do
        tg_is_ours "$tg_hook" || continue
        tg_clean_up
        if ! tg_has_former; then
            set -- "$@" "$tg_file"
        elif [ "$tg_hook" = post-commit ]; then
            tg_last=$tg_file
        else
            tg_let_former_stand || tg_left=1
        fi
    done
    if [ $# != 0 ]; then
        tg_take_away "$@"
        case $? in
        0) ;;
        1) return 0 ;;
        *) tg_left=1 ;;
        esac
    fi
    tg_file=$tg_last
    [ -z "$tg_last" ] || tg_let_former_stand || tg_left=1
    [ -z "$tg_left" ]
}

# Lines in the files of hook managers: they do nothing where this is away. What is committed is read from git's logs. A
# daemon that lives and cannot be seen from here finds a note, and puts the file back.
tg_put_lines_to_sleep() {
    tg_lock "$tg_state/hooks" && tg_is_gone && rm -f "$tg_state/hooks/awake" || return 0
    [ -e "$tg_folder/tokenguard-spool" ] || tg_note "${tg_noted-1 begin $tg_worktree $tg_branch}"
} 2>/dev/null

# All of this is nobody's but ours: what comes after this hook has its own files and signals.
[ -z "$tg_own_rest" ] || (tg_put_to_sleep) || :
[ -z "$tg_all_rest" ] || (tg_put_all_to_sleep) || :
[ -z "${tg_shared_rest-}" ] || [ ! -r "$tg_state/hooks/sharing.sh" ] ||
    (. "$tg_state/hooks/sharing.sh" && tg_put_shared_to_sleep) || :
[ -z "$tg_lines_rest" ] || (tg_put_lines_to_sleep) || :
