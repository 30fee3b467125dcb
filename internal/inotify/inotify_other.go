//go:build !linux

package inotify

import "errors"

// Watcher does nothing here.
type Watcher struct{}

// New returns errors.ErrUnsupported.
func New() (*Watcher, error) { return nil, errors.ErrUnsupported }

// Directory returns errors.ErrUnsupported.
func (*Watcher) Directory(string) (int32, error) { return -1, errors.ErrUnsupported }

// Once returns errors.ErrUnsupported.
func (*Watcher) Once(string) (int32, error) { return -1, errors.ErrUnsupported }

// Writes returns errors.ErrUnsupported.
func (*Watcher) Writes(string) (int32, error) { return -1, errors.ErrUnsupported }

// Remove does nothing.
func (*Watcher) Remove(int32) {}

// Read returns errors.ErrUnsupported.
func (*Watcher) Read() ([]Event, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Watcher) Close() error { return nil }

// Silent reports whether inotify tells nothing: here it never does.
func Silent(string) bool { return true }
