# Whether another prompt may begin. Agents run it before they send one; it answers in the JSON that Claude Code and
# Gemini CLI both understand, and says nothing while all is well, or where nothing is known for sure: then the call
# itself is decided on. What the agent tells it is not read. The session's folder is linked beside this file.
verdict=${0%/*}/session/verdict
[ -r "$verdict" ] || exit 0
{ read -r name format pid && read -r expires action message; } 2>/dev/null <"$verdict" || exit 0
[ "$name $format $action" = 'tokenguard 1 block' ] || exit 0
case $pid in '' | 0* | *[!0-9]* | ??????????*) exit 0 ;; esac
case $expires in '' | *[!0-9]*) exit 0 ;; esac
# Within JSON these would have to be escaped; the daemon leaves them out.
case $message in '' | *[\"\\]*) exit 0 ;; esac
kill -0 "$pid" 2>/dev/null || exit 0
[ "$expires" -eq 0 ] || [ "$expires" -gt "$(date +%s)" ] || exit 0
printf '{"decision":"block","reason":"%s"}\n' "$message"
