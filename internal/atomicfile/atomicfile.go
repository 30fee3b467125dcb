// Package atomicfile replaces small files so that a reader, or a crash, sees
// the old content or the new, never a part.
package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write replaces the file name inside root by data: it writes a temporary
// file beside it, syncs it, renames it, and syncs the directory.
func Write(root *os.Root, name string, data []byte, perm os.FileMode) error {
	tmp := name + ".tmp"
	if err := writeSync(root, tmp, data, perm); err != nil {
		return fmt.Errorf("write %q: %w", tmp, err)
	}
	if err := root.Rename(tmp, name); err != nil {
		return fmt.Errorf("rename %q: %w", tmp, err)
	}
	return syncDir(root, filepath.Dir(name))
}

func writeSync(root *os.Root, name string, data []byte, perm os.FileMode) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory %q: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %q: %w", dir, err)
	}
	return nil
}
