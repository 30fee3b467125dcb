package awsproto

// Spec is how one service is spoken to. The specs of the services of the
// sandbox are [Logs], [CloudWatch], [XRay], [STS], [Tagging] and
// [ApplicationSignals].
type Spec struct {
	// Service is the name in a credential scope, which is [api.Service.Name].
	Service string
	// Namespace is the model's, written before the name of an error:
	// "com.amazonaws.cloudwatch".
	Namespace string
	// Target is the prefix of the X-Amz-Target header without its dot, and the
	// service's segment in an RPC v2 path. Empty: the service has neither.
	Target string
	// QueryVersion is the value of the form's Version. Empty: no query protocol.
	QueryVersion string
	// XMLNamespace is the namespace of query answers.
	XMLNamespace string
	// CBOR says that the service speaks RPC v2 CBOR.
	CBOR bool
	// Paths are the operations of REST JSON, by path, which has its method before it
	// if that is not POST: "GET /services".
	Paths map[string]string
	// Query are the members of REST JSON that are in the query of the URL.
	Query map[string]bool

	// LowerFirst says that members are written with a lower first letter.
	LowerFirst bool
	// Rename lists the members that break the rule, "Type.Field" to wire name.
	Rename map[string]string
	// Unions lists the union types that inputs hold.
	Unions []Union

	// QueryCompatible says that errors carry the header X-Amzn-Query-Error
	// outside the query protocol too.
	QueryCompatible bool
	// QueryCodes are the query codes of error shapes whose error sets none.
	QueryCodes map[string]string
	// Void are the operations without any output structure.
	Void map[string]bool
	// MaxBody bounds a request body as sent, in bytes. 0 means 16 MiB.
	MaxBody int64
	// MaxBodyOf bounds the bodies of single operations as sent, in bytes.
	MaxBodyOf map[string]int64
	// Codes are the service's names of failures that no model lists.
	Codes Codes
	// InvalidOf are the operations whose models name the violation of a limit
	// otherwise than Codes.Invalid, and how.
	InvalidOf map[string]Code
}

// Union is a union type of a model: a nil pointer to the interface, and
// pointers to its concrete types.
type Union struct {
	Interface any
	Members   []any
}

// Code is an error's name and HTTP status.
type Code struct {
	Name   string
	Status int
}

// Codes are the errors that the protocol layer raises by itself.
type Codes struct {
	Unknown, Unsigned, Incomplete, Signature, Key, Expired, Throttled, Internal, Unavailable, TooLarge, Invalid Code
}

// Bounds of bodies. AWS does not document one for Logs and X-Ray; a batch of
// 1 MiB of messages can grow sixfold by JSON escapes.
const (
	defaultMaxBody = 16 << 20
	maxInflated    = 64 << 20
)

// protocol is a wire protocol.
type protocol uint8

const (
	protoNone protocol = iota
	protoCBOR
	protoJSON10
	protoJSON11
	protoQuery
	protoREST
)

func (p protocol) String() string {
	return [...]string{"none", "rpc-v2-cbor", "awsJson1_0", "awsJson1_1", "awsQuery", "restJson1"}[p]
}
