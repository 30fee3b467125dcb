// Package shop is a small shop of three services that shows what Sidelight
// sees of a distributed application: storefront takes the public's requests
// and calls orders, orders reserves stock and calls payments. Storefront and
// orders are instrumented with package sdk, payments (a program of its own, in
// the folder of that name) with the AWS X-Ray SDK. X-Amzn-Trace-Id passes
// through all three, so one trace and one service map show them together.
//
// [Storefront], [Orders] and [Load] are the services and a driver of traffic;
// each has a Run method that returns when its context ends. The programs below
// this folder do nothing but read flags and call Run.
package shop
