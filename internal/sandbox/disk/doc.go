// Package disk keeps what a sandbox holds in files that survive the end of its
// process at any instant: a [Log] of records, and a [State] of small values by
// key. What was appended without an error is there when the file is opened
// again after the process was killed; a record that was being written then is
// cut off. Files are not synced, so that a machine that loses power may lose
// the latest seconds.
package disk
