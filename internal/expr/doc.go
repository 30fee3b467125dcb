// Package expr is the language in which a configuration says which log events
// it means:
//
//	level >= info and not (route = "/healthz")
//
// An expression is compiled once into closures that look at an event's bytes
// where they lie; matching allocates nothing, but for regular expressions that
// need to.
//
// # Operands
//
//	level      how severe the event is: trace, debug, info, notice, warn, error,
//	           critical, fatal. An event that does not say counts as info.
//	source     the input that the event came from: a path, a tag
//	message    the member message, msg, log or body of a JSON document, or the
//	           whole line
//	a.b.c      a member of a JSON document: the one called "a.b.c", or c in the
//	           object b in the object a
//	field("k") the same for a name that is not a word
//	"text"     text, in single or double quotes; \" \\ \n \t within
//	1, -2.5    a number
//	true false null
//
// # Operators, weakest first
//
//	or
//	and
//	not
//	= != < <= > >=      == is the same as =
//	=~ !~               a regular expression (RE2) finds something, or nothing
//	in (a, b, c)        equal to one of them
//
// # Functions
//
//	contains(text, part)  starts_with(text, part)  ends_with(text, part)
//	matches(text, re)     exists(member)           lower(text)  upper(text)  len(text)
//
// The operators and functions that recipes have mean the same in both.
//
// Numbers are compared as numbers, also with text that is one ("500"). All
// other comparisons are of text. A member that is not there is equal to null
// and to nothing else; it is neither less nor greater than anything.
package expr
