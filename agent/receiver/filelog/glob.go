package filelog

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// anyDirs is the part of a pattern that stands for any number of directories.
const anyDirs = "**"

// checkPattern returns an error if p can never match.
func checkPattern(p string) error {
	for part := range strings.SplitSeq(p, "/") {
		if part == anyDirs {
			continue
		}
		if _, err := filepath.Match(part, ""); err != nil {
			return err
		}
	}
	return nil
}

// match reports whether the path matches the pattern, both split at slashes.
func match(pattern, path []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == anyDirs {
			for i := range len(path) + 1 {
				if match(pattern[1:], path[i:]) {
					return true
				}
			}
			return false
		}
		if len(path) == 0 {
			return false
		}
		if ok, err := filepath.Match(pattern[0], path[0]); !ok || err != nil {
			return false
		}
		pattern, path = pattern[1:], path[1:]
	}
	return len(path) == 0
}

func split(path string) []string { return strings.Split(path, "/") }

// matches reports whether path, whether it exists or not, is one to read.
func (c *Config) matches(path string) bool {
	for _, p := range c.Include {
		if match(split(p), split(path)) {
			return !c.excluded(path)
		}
	}
	return false
}

func (c *Config) excluded(path string) bool {
	if compressed(path) {
		return true
	}
	for _, p := range c.Exclude {
		subject := path
		if !strings.Contains(p, "/") {
			subject = filepath.Base(path)
		}
		if match(split(p), split(subject)) {
			return true
		}
	}
	return false
}

// compressed reports whether the name says that the file is a rotated one that
// was compressed.
func compressed(path string) bool {
	switch filepath.Ext(path) {
	case ".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip":
		return true
	}
	return false
}

// find calls yield with each path that matches, perhaps more than once.
// Directories that cannot be read are passed over.
func (c *Config) find(yield func(path string)) {
	for _, p := range c.Include {
		c.findOne(p, func(path string) {
			if !c.excluded(path) {
				yield(path)
			}
		})
	}
}

func (c *Config) findOne(pattern string, yield func(path string)) {
	parts := split(pattern)
	deep := -1
	for i, part := range parts {
		if part == anyDirs {
			deep = i
			break
		}
	}
	if deep < 0 {
		// The pattern was checked; there is no other error.
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			yield(path)
		}
		return
	}
	roots, _ := filepath.Glob(strings.Join(parts[:deep], "/") + "/")
	for _, root := range roots {
		c.walk(filepath.Clean(root), parts, yield)
	}
}

func (c *Config) walk(root string, parts []string, yield func(path string)) {
	// What cannot be read is not there, as with Glob.
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() && path != root {
				return fs.SkipDir
			}
			return nil
		}
		if !d.IsDir() && match(parts, split(path)) {
			yield(path)
		}
		return nil
	})
}

// siblings calls yield with every file that a rotation of base may have left
// behind: what lies in its directory under its name with a number, a date or a
// word such as "old" attached, and is not compressed.
func siblings(base string, yield func(path string, info fs.FileInfo)) {
	dir := filepath.Dir(base)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !rotated(filepath.Base(base), e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			yield(filepath.Join(dir, e.Name()), info)
		}
	}
}

// rotated reports whether name is what a rotation makes of base: app.log.1,
// app.log-20260102, app-2026-01-02T03.log.
func rotated(base, name string) bool {
	if name == base || compressed(name) {
		return false
	}
	rest, ok := strings.CutPrefix(name, base)
	if !ok {
		ext := filepath.Ext(base)
		if rest, ok = strings.CutPrefix(name, strings.TrimSuffix(base, ext)); !ok {
			return false
		}
		if rest, ok = strings.CutSuffix(rest, ext); !ok {
			return false
		}
	}
	if rest == "" || !strings.ContainsAny(rest[:1], ".-_") {
		return false
	}
	switch rest[1:] {
	case "old", "bak", "prev", "last":
		return true
	case "":
		return false
	}
	return strings.Trim(rest, "0123456789.-_:TZ") == ""
}

// dirs calls yield with each directory in which a file that matches may come, or
// a directory on the way to one. It reports whether all of them exist that can
// be named.
func (c *Config) dirs(yield func(dir string)) bool {
	all := true
	for _, p := range c.Include {
		all = dirsOf(split(p), yield) && all
	}
	return all
}

func dirsOf(parts []string, yield func(dir string)) bool {
	first := len(parts) - 1
	for i, part := range parts[:first] {
		if strings.ContainsAny(part, `*?[\`) {
			first = i
			break
		}
	}
	found := false
	for n := first; n < len(parts); n++ {
		// The pattern was checked; there is no other error.
		dirs, _ := filepath.Glob(strings.Join(parts[:n], "/") + "/")
		for _, dir := range dirs {
			found = true
			if dir = filepath.Clean(dir); n < len(parts) && parts[n] == anyDirs {
				below(dir, yield)
			} else {
				yield(dir)
			}
		}
		if parts[n] == anyDirs {
			break
		}
	}
	return found
}

// below calls yield with dir and every directory below it.
func below(dir string, yield func(dir string)) {
	// What cannot be read is not there.
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		yield(path)
		return nil
	})
}
