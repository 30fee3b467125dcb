variables {
  service    = "orders"
  region     = "eu-west-1"
  account    = "111111111111"
  containers = [{ name = "orders", image = "orders:1", essential = true, environment = [{ name = "A", value = "b" }], dependsOn = [{ containerName = "init", condition = "SUCCESS" }] }]
}

run "router" {
  command = plan
  assert {
    condition     = jsondecode(output.container_definitions)[1].logConfiguration.logDriver == "awsfirelens"
    error_message = "the application does not log by FireLens"
  }
  assert {
    condition     = [for d in jsondecode(output.container_definitions)[1].dependsOn : d.containerName] == ["init", "sidelight"]
    error_message = "the application does not wait for the agent, or not for what it waited for"
  }
  assert {
    condition     = jsondecode(output.container_definitions)[0].essential && !can(jsondecode(output.container_definitions)[0].restartPolicy)
    error_message = "a router has to be essential"
  }
}

run "sidecar" {
  command = plan
  variables {
    firelens = false
    config   = "logs: {retention: 7d}"
  }
  assert {
    condition     = !can(jsondecode(output.container_definitions)[1].logConfiguration) && !can(jsondecode(output.container_definitions)[0].firelensConfiguration)
    error_message = "FireLens is there although it is off"
  }
  assert {
    condition     = !jsondecode(output.container_definitions)[0].essential && jsondecode(output.container_definitions)[0].restartPolicy.enabled
    error_message = "the agent would stop the task"
  }
  assert {
    condition     = contains([for e in jsondecode(output.container_definitions)[0].environment : e.value if e.name == "SIDELIGHT_CONFIG"], "logs: {retention: 7d}\n")
    error_message = "the configuration is not the agent's"
  }
}

run "too_long" {
  command = plan
  variables {
    stop_timeout = 121
  }
  expect_failures = [var.stop_timeout]
}
