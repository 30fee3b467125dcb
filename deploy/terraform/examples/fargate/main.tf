# A service on Fargate with the agent beside it.
terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "cluster" { type = string }
variable "subnets" { type = list(string) }
variable "security_groups" { type = list(string) }
variable "image" { type = string }

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

module "sidelight" {
  source  = "../.."
  service = "orders"
  region  = data.aws_region.this.name
  account = data.aws_caller_identity.this.account_id
  containers = [{
    name         = "orders"
    image        = var.image
    essential    = true
    portMappings = [{ containerPort = 8080 }]
  }]
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "task" {
  name_prefix        = "orders-task-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "sidelight" {
  name   = "sidelight"
  role   = aws_iam_role.task.id
  policy = module.sidelight.policy
}

resource "aws_iam_role" "execution" {
  name_prefix        = "orders-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

# The agent's own log goes by the execution role, which may not make groups.
resource "aws_cloudwatch_log_group" "agent" {
  name              = "/ecs/sidelight"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "orders" {
  family                   = "orders"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = module.sidelight.container_definitions

  volume {
    name = module.sidelight.volume
  }
}

resource "aws_ecs_service" "orders" {
  name            = "orders"
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.orders.arn
  launch_type     = "FARGATE"
  desired_count   = 2

  network_configuration {
    subnets         = var.subnets
    security_groups = var.security_groups
  }

  depends_on = [aws_iam_role_policy.sidelight, aws_cloudwatch_log_group.agent]
}
