#!/bin/sh
# The browser tests drive a real Chromium; where none is installed and this user may install one, do so once.
command -v chromium >/dev/null 2>&1 && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || { echo "no chromium: the browser tests will be skipped"; exit 0; }
echo "Installing Chromium for the browser tests …"
{ apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 || echo "Chromium could not be installed: the browser tests will be skipped"
