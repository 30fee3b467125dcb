// Package ecstask measures an ECS task and its containers by the task metadata
// endpoint, version 4: /task says what there is and what its limits are,
// /task/stats has each container's Docker statistics. Each is asked once a
// scrape, and never more often than every MinInterval: on EC2 one agent answers
// the tasks of the whole instance, 40 requests a second in all.
//
// What is a rate comes from two answers of the endpoint and the times it gives
// for them, not from precpu_stats, which belong to whoever asked before. A
// counter that fell was reset by a restart; its interval is skipped. Containers
// that do not run have null for statistics and are measured no further than
// their state. Containers of the platform's own (type other than NORMAL, such as
// the pause container) are left out.
//
// # Memory and CPU
//
// Memory in use is the working set: usage without inactive_file (control groups
// version 2) or total_inactive_file (version 1). Its limit is the container's,
// else the task's, else the one in the statistics, which may be the machine's.
//
// A container's CPU units are what it is sure to get under contention, not a
// bound. The bound is the task's vCPU, or the machine where the task has none.
// Docker writes 2 units, the kernel's least, where nothing was reserved; 2 or
// less counts as no reservation.
//
// # Network
//
// In awsvpc mode all containers share the task's interface and each reports the
// whole of it: the task's traffic is that of one of them, and there is none of a
// container. (On EC2, agents without amazon-ecs-agent's change 4766 of autumn 2025
// divide the counters by the number of containers; there, the task's traffic is
// too low by that factor, and nothing in the answers tells.) In bridge mode each container has its own, and the task's is the sum.
// In host mode there are no numbers. At the first scrape the rates are the
// endpoint's own, network_rate_stats, where the agent has them.
//
// # Names
//
// scraper.Sidelight, the default, is the family of the cgroup scraper: cpu_utilization,
// memory_working_set and so on in the namespaces Sidelight/Container, with the
// dimensions ClusterName, ContainerName and TaskDefinitionFamily, and
// Sidelight/Task, with ClusterName and TaskDefinitionFamily.
//
// scraper.Insights has the names, units, dimension sets and formulas of CloudWatch
// Container Insights for ECS, so that its dashboards and alarms need another
// namespace and nothing else. The namespace is scraper.InsightsNamespace and not
// ECS/ContainerInsights: PutMetricData would take that one too, since only AWS/
// is reserved, but in a cluster that has Container Insights switched on both
// would write the same series, and every Sum and SampleCount would be double.
// There is one value a task and minute, since the Sum over a cluster's tasks is
// how these metrics are read.
package ecstask
