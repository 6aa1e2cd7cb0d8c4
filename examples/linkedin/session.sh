#!/bin/sh
# Where there is no disk, the session with LinkedIn comes as two secrets. The server wants them where a login would have
# left them, beside a profile; in a container it makes its own from the cookies.
set -eu
secrets=${LINKEDIN_SECRETS:-/run/linkedin}
if [ -f "$secrets/cookies/cookies.json" ]; then
  umask 077
  mkdir -p "$HOME/.linkedin-mcp/profile"
  touch "$HOME/.linkedin-mcp/profile/from-secrets"
  cp "$secrets/cookies/cookies.json" "$secrets/state/source-state.json" "$HOME/.linkedin-mcp/"
fi
exec "$@"
