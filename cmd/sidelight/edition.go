package main

// The program is built twice: in full, for people and CI, and as the agent alone,
// with the build tag agentonly, for what is pulled with every container. What only
// the full build has begins with the tag; full.go and agentonly.go add it, or say
// where it is. See docs/adr/0011-two-builds.md.

// fullCommands are the commands that only the full build has.
func fullCommands() []string {
	return []string{"logs", "traces", "metrics", "alarms", "validate", "plan", "apply", "drift", "destroy", "iam-policy", "demo", "sandbox"}
}
