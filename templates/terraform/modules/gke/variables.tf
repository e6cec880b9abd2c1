variable "project" {
  description = "Project id."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "prefix" {
  description = "Beginning of the names."
  type        = string
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}

variable "network" {
  description = "Network of the nodes."
  type        = string
}

variable "subnetwork" {
  description = "Subnetwork of the nodes; it has the secondary ranges pods and services."
  type        = string
}

variable "repository" {
  description = "Artifact Registry repository that the nodes pull from."
  type        = string
}

variable "images" {
  description = "Image of each name; empty while there are none."
  type        = map(string)
}

variable "environment" {
  description = "Settings of our programs as environment variables."
  type        = map(string)
}

variable "registry" {
  description = "Settings of those who use the database of models; empty without one."
  type        = map(string)
}

variable "proxy" {
  description = "The proxy of the database beside them; null without one."
  type        = object({ name = string, image = string, args = list(string) })
}

variable "schedule" {
  description = "When a model version is trained, as cron has it."
  type        = string
}

variable "time_zone" {
  description = "Time zone of the schedule."
  type        = string
}

variable "accounts" {
  description = "Service accounts that pods act as, by component."
  type        = map(object({ name = string, email = string }))
}

variable "workers" {
  description = "Whether a worker takes workloads asked for by message."
  type        = bool
}

variable "invoker_environment" {
  description = "Settings of the invoker alone: whom it lets in."
  type        = map(string)
}
