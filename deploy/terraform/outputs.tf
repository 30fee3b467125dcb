output "container_definitions" {
  description = "For container_definitions of aws_ecs_task_definition: the agent and your containers, connected"
  value       = jsonencode(concat([local.agent], local.beside))
}

output "policy" {
  description = "For policy of aws_iam_role_policy on the task role: the least that the agent needs"
  value       = jsonencode(local.policy)
}

output "volume" {
  description = "For name of a volume of aws_ecs_task_definition: the agent's queue"
  value       = "sidelight-queue"
}
