terraform {
  # Tests and optional attributes of objects.
  required_version = ">= 1.6"
}
