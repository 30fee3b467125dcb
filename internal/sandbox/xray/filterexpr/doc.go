// Package filterexpr parses and evaluates X-Ray filter expressions, the language
// of GetTraceSummaries and of groups:
//
//	fault AND service("orders") { responsetime > 2 } AND annotation[tenant] = "a"
//
// Outside of service(){} and edge(){} a keyword asks about the trace's root:
// its outcome, its request, its response time. Inside, it asks about one
// segment of the service, or one call on the edge, at a time: some one of them
// must meet the whole condition. Names, types, users, annotations, exceptions
// and resources are asked of everything in scope. A comparison with something
// that is absent is false, also with !=.
//
// AND binds tighter than OR, and may be left out. Keywords are case-insensitive, keys and values are
// not. A string keyword or an annotation by itself asks whether it is set.
//
// rootcause.fault.service{…}, with .error and .responsetime, .entity and
// .exception, asks about one element of a root cause at a time; index counts from
// 0, which is our choice, as AWS does not say. rootcause.json = #[…] asks for a
// root cause with just these services and entities; members that it does not name
// may be anything.
package filterexpr
