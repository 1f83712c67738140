# Codex runs this when a turn has ended: it tells `tokenguard run`, which waits at the pipe beside this file. Opened for
# reading too, the pipe never keeps anybody waiting.
case $# in 0) exit 0 ;; esac
turns=${0%/*}/turns
case $1 in
*'"agent-turn-complete"'*) [ ! -p "$turns" ] || printf 'turn\n' 1<>"$turns" ;;
esac
