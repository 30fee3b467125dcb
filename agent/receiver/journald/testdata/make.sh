#!/bin/sh
# Makes the journals of this folder again, with systemd's own tools (Debian:
# systemd-journal-remote, 252 or newer), and what journalctl reads in them.
set -eu
cd "$(dirname "$0")"
dir="$(mktemp -d)"
for compact in 0 1; do
	name=regular; [ $compact = 0 ] || name=compact
	SYSTEMD_JOURNAL_COMPACT=$compact /lib/systemd/systemd-journal-remote -o "$dir/$name.journal" entries.export
	gzip -9nc "$dir/$name.journal" >$name.journal.gz
done
journalctl --file "$dir/regular.journal" -o json --all >entries.json
rm -r "$dir"
