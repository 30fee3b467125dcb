locals {
  environment = merge(
    {
      SIDELIGHT_SERVICE_NAME   = var.service
      SIDELIGHT_SHUTDOWN_GRACE = "${var.stop_timeout - 10}s"
      SIDELIGHT_LOGS_GROUP     = "/ecs/{service}"
      SIDELIGHT_LOGS_STREAM    = "{source}/{task}"
    },
    # A line end makes it the text of a file instead of its path.
    var.config == "" ? {} : { SIDELIGHT_CONFIG = "${var.config}\n" },
  )

  agent = merge(
    {
      name                   = "sidelight"
      image                  = var.image
      essential              = var.firelens
      command                = ["run"]
      cpu                    = 64
      memoryReservation      = 64
      user                   = "65532"
      readonlyRootFilesystem = true
      stopTimeout            = var.stop_timeout
      environment            = [for name, value in local.environment : { name = name, value = value }]
      mountPoints            = [{ sourceVolume = "sidelight-queue", containerPath = "/var/lib/sidelight", readOnly = false }]
      healthCheck            = { command = ["CMD", "/sidelight", "ready"], interval = 5, timeout = 3, retries = 3, startPeriod = 5 }
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = var.log_group
          awslogs-region        = var.region
          awslogs-stream-prefix = var.service
          awslogs-create-group  = "true"
        }
      }
    },
    { for k, v in { firelensConfiguration = { type = "fluentbit", options = { enable-ecs-log-metadata = "true" } } } : k => v if var.firelens },
    { for k, v in { restartPolicy = { enabled = true, restartAttemptPeriod = 60 } } : k => v if !var.firelens },
  )

  addresses = [
    { name = "OTEL_EXPORTER_OTLP_ENDPOINT", value = "http://127.0.0.1:4318" },
    { name = "AWS_XRAY_DAEMON_ADDRESS", value = "127.0.0.1:2000" },
  ]

  beside = [for c in var.containers : merge(
    c,
    {
      dependsOn   = concat(lookup(c, "dependsOn", []), [{ containerName = "sidelight", condition = "HEALTHY" }])
      environment = concat(local.addresses, lookup(c, "environment", []))
    },
    { for k, v in { logConfiguration = { logDriver = "awsfirelens", options = { log-driver-buffer-limit = "2097152" } } } : k => v if var.firelens },
  )]

  groups = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:/ecs/${var.service}"
  policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutRetentionPolicy"]
        Resource = [local.groups, "${local.groups}:*"]
      },
      {
        Sid      = "Traces"
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
        Resource = ["*"]
      },
      {
        Sid       = "Metrics"
        Effect    = "Allow"
        Action    = ["cloudwatch:PutMetricData"]
        Resource  = ["*"]
        Condition = { StringLike = { "cloudwatch:namespace" = ["Sidelight", "Sidelight/*"] } }
      },
    ]
  }
}
