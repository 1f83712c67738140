# The status line of a run, as the daemon has written it; nothing while there is no daemon. What the agent tells is not
# read. The session's folder is linked beside this file.
line=${0%/*}/session/line
[ -r "$line" ] || exit 0
{ read -r name format pid && read -r text; } 2>/dev/null <"$line" || exit 0
[ "$name $format" = 'tokenguard 1' ] || exit 0
case $pid in '' | 0* | *[!0-9]* | ??????????*) exit 0 ;; esac
kill -0 "$pid" 2>/dev/null || exit 0
printf '%s\n' "$text"
