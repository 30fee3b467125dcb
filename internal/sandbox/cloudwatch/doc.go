// Package cloudwatch is the sandbox's CloudWatch: it stores metrics, answers
// queries, and evaluates alarms.
//
// [Service] implements the actions over the structures of aws-sdk-go-v2; which
// wire protocol carried them is the business of the protocol layer. Metrics and
// alarms belong to the account and region of the caller. Everything lives in
// bounded memory.
//
// Alarms are evaluated while [Service.Run] runs, on the sandbox's clock, by the
// rules of package alarm. Their actions go to a [Notifier].
//
// What is absent is refused: PromQL alarms, alarms on a Metrics
// Insights query with GROUP BY. The band of anomaly alarms comes from a simple
// model of its own, the mean and the standard deviation of the time before.
package cloudwatch
