#!/bin/sh
# For the pre-commit framework, which runs this from a copy of this repository: managed.sh EVENT [ARGUMENTS OF THE HOOK].
# It leads to the tokenguard of whoever runs it, and is silent where there is
# none, and while its daemon does not run.
for state in "${TOKENGUARD_HOME-}" "${XDG_STATE_HOME:-${HOME-}/.local/state}/tokenguard" \
    "${HOME-}/Library/Application Support/tokenguard"; do
    if [ -e "$state/hooks/awake" ] && [ -x "$state/hooks/run" ]; then
        exec "$state/hooks/run" "$@"
    fi
done
