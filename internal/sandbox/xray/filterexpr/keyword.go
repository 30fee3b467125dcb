package filterexpr

// The keywords of conditions, by lower-case name.
var (
	flags = map[string]func(*Item) bool{
		"ok":       func(i *Item) bool { return i.OK },
		"error":    func(i *Item) bool { return i.Error },
		"throttle": func(i *Item) bool { return i.Throttle },
		"fault":    func(i *Item) bool { return i.Fault },
		"partial":  func(i *Item) bool { return i.Partial },
		"inferred": func(i *Item) bool { return i.Inferred },
		"root":     func(i *Item) bool { return i.Root },
		"first":    func(i *Item) bool { return i.First },
		"last":     func(i *Item) bool { return i.Last },
		"remote":   func(i *Item) bool { return i.Remote },
	}
	// A number that is absent yields ok == false.
	numbers = map[string]func(*Item) (v float64, ok bool){
		"responsetime": func(i *Item) (float64, bool) { return i.ResponseTime, true },
		"duration":     func(i *Item) (float64, bool) { return i.Duration, true },
		"index":        func(i *Item) (float64, bool) { return float64(i.Index), true },
		"coverage":     func(i *Item) (float64, bool) { return i.Coverage, true },
		"http.status":  func(i *Item) (float64, bool) { return float64(i.HTTP.Status), i.HTTP.Status != 0 },
	}
	texts = map[string]func(*Item) []string{
		"http.url":         func(i *Item) []string { return present(i.HTTP.URL) },
		"http.method":      func(i *Item) []string { return present(i.HTTP.Method) },
		"http.useragent":   func(i *Item) []string { return present(i.HTTP.UserAgent) },
		"http.clientip":    func(i *Item) []string { return present(i.HTTP.ClientIP) },
		"user":             func(i *Item) []string { return i.Users },
		"name":             func(i *Item) []string { return i.Names },
		"type":             func(i *Item) []string { return i.Types },
		"message":          func(i *Item) []string { return i.Messages },
		"availabilityzone": func(i *Item) []string { return i.Zones },
		"instance.id":      func(i *Item) []string { return i.Instances },
		"resource.arn":     func(i *Item) []string { return i.ARNs },
	}
	// causeOnly are keywords that only elements of root causes have.
	causeOnly = map[string]bool{"first": true, "last": true, "remote": true, "index": true, "coverage": true}
)

func present(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
