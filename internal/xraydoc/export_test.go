package xraydoc

// Names returns the names of the attributes that translation knows.
func Names() map[string]bool {
	known := map[string]bool{}
	for name := range names {
		known[name] = true
	}
	return known
}
