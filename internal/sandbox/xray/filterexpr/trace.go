package filterexpr

// ID identifies a node of the service graph.
type ID struct {
	Name, Type, Account string
}

// Item is what a condition is asked about: a trace as a whole, one segment of a
// service, or one call on an edge.
type Item struct {
	OK, Error, Throttle, Fault bool
	// Partial: something in it is still in progress. Inferred: the service was
	// not instrumented. Root: it has no caller.
	Partial, Inferred, Root bool
	// First, Last, Index and Remote are of elements of root causes, Coverage of
	// entities in those of response times.
	First, Last, Remote bool
	Index               int
	Coverage            float64
	// ResponseTime and Duration are in seconds.
	ResponseTime, Duration float64
	HTTP                   HTTP
	Users                  []string
	// Names and Types are those of services and of exceptions; Messages are of
	// exceptions.
	Names, Types, Messages []string
	Zones, Instances, ARNs []string
	// Annotations holds by key every value, a string, float64 or bool each.
	Annotations map[string][]any
}

// HTTP is a request and its response; the empty string and zero mean absent.
type HTTP struct {
	URL, Method, UserAgent, ClientIP string
	Status                           int64
}

// Segment is an Item of one service.
type Segment struct {
	ID ID
	Item
}

// Call is an Item of one edge.
type Call struct {
	From, To ID
	Item
}

// Trace is a trace as filter expressions see it.
type Trace struct {
	Item
	Segments []Segment
	Calls    []Call
	Causes   Causes
}
