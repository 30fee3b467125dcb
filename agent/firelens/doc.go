// Package firelens reads the configuration that Amazon ECS generates for a
// FireLens router, so that a task definition keeps its meaning when only the
// router's image changes.
//
// [Load] reads the file in Fluent Bit's classic format and returns a [Plan]: where
// the router is to listen, where each container's records go, and how they are
// changed on the way. What cannot be carried over becomes a [Note]; nothing is
// passed over in silence. A [Router] applies the plan to batches, with the tag
// as their source.
//
// Where the form of the file comes from: the ECS agent,
// agent/taskresource/firelens/firelensconfig_unix.go. An application container's
// logConfiguration.options become one [OUTPUT] with the pattern
// CONTAINER-firelens*, its include-pattern and exclude-pattern a [FILTER] grep,
// the metadata of the task a [FILTER] record_modifier, and the user's own file an
// @INCLUDE between filters and outputs.
package firelens
