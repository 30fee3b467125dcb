variable "service" {
  description = "Name of the service: in log groups and metrics"
  type        = string
  validation {
    condition     = can(regex("^[-_A-Za-z0-9]{1,64}$", var.service))
    error_message = "Letters, digits, - and _, 64 at most."
  }
}

variable "region" {
  description = "Region of the agent's own log and of the policy"
  type        = string
}

variable "account" {
  description = "Account of the policy"
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "Twelve digits."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov"
  type        = string
  default     = "aws"
}

variable "containers" {
  description = "The application's container definitions, as in the API of ECS: what connects them with the agent is added"
  type        = any
}

variable "image" {
  description = "Image of the agent"
  type        = string
  default     = "ghcr.io/sidelight-dev/sidelight:0.1"
}

variable "firelens" {
  description = "Take standard output by FireLens; otherwise containers keep their logConfiguration, and the agent is not essential"
  type        = bool
  default     = true
}

variable "config" {
  description = "Configuration of the agent, as YAML; the policy is that of an empty one"
  type        = string
  default     = ""
}

variable "stop_timeout" {
  description = "Seconds that the agent has to stop; Fargate allows 120"
  type        = number
  default     = 60
  validation {
    condition     = var.stop_timeout >= 15 && var.stop_timeout <= 120
    error_message = "From 15 to 120."
  }
}

variable "log_group" {
  description = "Log group of the agent's own log; its role is the task's execution role"
  type        = string
  default     = "/ecs/sidelight"
}
