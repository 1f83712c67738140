# shellcheck shell=sh
# shellcheck disable=SC2154  # hook.sh, which was sourced before this, sets tg_newline
#
# Whether a folder is one user's alone to change: `owning.py` asks the same, and says why. Here, in doubt, it is not.

# Whether names in the folder $1 are this user's alone to change.
tg_is_own() {
    # shellcheck disable=SC3067  # dash, bash and busybox know -O; without it, hooks stay awake.
    [ -O "$1" ] && tg_lines=$(LC_ALL=C ls -ldn "$1/." 2>&1) || return 1
    case $tg_lines in
    *"$tg_newline"*) return 1 ;;
    esac
    IFS=' ' read -r tg_mode tg_word tg_user tg_group tg_line <<TG_END
$tg_lines
TG_END
    case $tg_mode in
    d????-??-*) ;;
    d????w??-? | d????w??-?.) tg_lets_nobody_in "$1" && tg_is_private ;;
    *) return 1 ;;
    esac
}

# Of the folder $1, whether what `ls` says behind the mode tells that nobody else was let in by name. Not each of them says it, and of a
# file system that has other lists than Linux's own, or that is somewhere else, none does.
tg_lets_nobody_in() {
    tg_lines=$(stat -f -c %T "$1" && LC_ALL=C ls --version) || return 1
    case $tg_lines in
    ext2/ext3"$tg_newline"* | xfs"$tg_newline"* | btrfs"$tg_newline"* | f2fs"$tg_newline"*) ;;
    tmpfs"$tg_newline"* | overlayfs"$tg_newline"*) ;;
    *) return 1 ;;
    esac
    case $tg_lines:$tg_mode in
    *"$tg_newline"'ls (GNU coreutils) '*) ;;
    # Of a folder with a label, this one does not say it.
    *"$tg_newline"'ls (uutils coreutils) 0.0.'* | *"$tg_newline"'ls (uutils coreutils) '*.) return 1 ;;
    *"$tg_newline"'ls (uutils coreutils) '*) ;;
    *) return 1 ;;
    esac
} 2>/dev/null

# Whether tg_group is the own one of tg_user, and nobody is known to be in it besides.
tg_is_private() {
    [ "$tg_user" = "$tg_group" ] && [ "$tg_group" != 0 ] || return 1
    if command -v getent >/dev/null; then
        tg_lines=$(getent group "$tg_group") && tg_people=$(getent passwd "$tg_user" && getent passwd) || return 1
    else
        tg_lines=$(cat /etc/group) && tg_people=$(cat /etc/passwd) || return 1
    fi
    tg_owner=
    while [ -z "$tg_owner" ] && IFS=: read -r tg_name tg_word tg_number tg_members; do
        [ "$tg_number" != "$tg_group" ] || tg_owner=$tg_name
    done <<TG_END
$tg_lines
TG_END
    [ -n "$tg_owner" ] && [ "${tg_members:-$tg_owner}" = "$tg_owner" ] || return 1
    tg_found=
    while IFS=: read -r tg_name tg_word tg_number tg_begins tg_line; do
        [ "$tg_number" != "$tg_user" ] || tg_found=${tg_found:-$tg_name:$tg_begins}
        [ "$tg_begins" != "$tg_group" ] || [ "$tg_name" = "$tg_owner" ] || return 1
    done <<TG_END
$tg_people
TG_END
    [ "$tg_found" = "$tg_owner:$tg_group" ]
} 2>/dev/null
