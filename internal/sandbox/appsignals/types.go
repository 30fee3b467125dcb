package appsignals

import "time"

// The structures of the service's model (Application Signals, 2024-04-15), as far
// as the operations of the package use them.
type (
	// ListServicesInput is the input of ListServices.
	ListServicesInput struct {
		StartTime, EndTime    *time.Time
		MaxResults            *int32
		NextToken             *string
		IncludeLinkedAccounts *bool
		AwsAccountId          *string
	}
	// ListServicesOutput is the output of ListServices.
	ListServicesOutput struct {
		StartTime, EndTime *time.Time
		ServiceSummaries   []ServiceSummary
		NextToken          *string
	}
	// ServiceSummary is a service in a list.
	ServiceSummary struct {
		KeyAttributes    map[string]string
		MetricReferences []MetricReference
	}
	// MetricReference is a metric of a service, an operation or a call.
	MetricReference struct {
		Namespace, MetricType *string
		Dimensions            []Dimension
		MetricName, AccountId *string
	}
	// Dimension is one of a metric.
	Dimension struct{ Name, Value *string }

	// GetServiceInput is the input of GetService.
	GetServiceInput struct {
		StartTime, EndTime *time.Time
		KeyAttributes      map[string]string
	}
	// GetServiceOutput is the output of GetService.
	GetServiceOutput struct {
		Service            *ServiceSummary
		StartTime, EndTime *time.Time
	}

	// ListServiceOperationsInput is the input of ListServiceOperations.
	ListServiceOperationsInput struct {
		StartTime, EndTime *time.Time
		KeyAttributes      map[string]string
		MaxResults         *int32
		NextToken          *string
	}
	// ListServiceOperationsOutput is the output of ListServiceOperations.
	ListServiceOperationsOutput struct {
		StartTime, EndTime *time.Time
		ServiceOperations  []ServiceOperation
		NextToken          *string
	}
	// ServiceOperation is what a service does.
	ServiceOperation struct {
		Name             *string
		MetricReferences []MetricReference
	}

	// ListServiceDependenciesInput is the input of ListServiceDependencies.
	ListServiceDependenciesInput struct {
		StartTime, EndTime *time.Time
		KeyAttributes      map[string]string
		MaxResults         *int32
		NextToken          *string
	}
	// ListServiceDependenciesOutput is the output of ListServiceDependencies.
	ListServiceDependenciesOutput struct {
		StartTime, EndTime  *time.Time
		ServiceDependencies []ServiceDependency
		NextToken           *string
	}
	// ServiceDependency is what a service calls.
	ServiceDependency struct {
		OperationName           *string
		DependencyKeyAttributes map[string]string
		DependencyOperationName *string
		MetricReferences        []MetricReference
	}

	// ListServiceDependentsInput is the input of ListServiceDependents.
	ListServiceDependentsInput struct {
		StartTime, EndTime *time.Time
		KeyAttributes      map[string]string
		MaxResults         *int32
		NextToken          *string
	}
	// ListServiceDependentsOutput is the output of ListServiceDependents.
	ListServiceDependentsOutput struct {
		StartTime, EndTime *time.Time
		ServiceDependents  []ServiceDependent
		NextToken          *string
	}
	// ServiceDependent is what calls a service.
	ServiceDependent struct {
		OperationName          *string
		DependentKeyAttributes map[string]string
		DependentOperationName *string
		MetricReferences       []MetricReference
	}

	// ListServiceLevelObjectivesInput is the input of ListServiceLevelObjectives.
	ListServiceLevelObjectivesInput struct {
		KeyAttributes         map[string]string
		OperationName         *string
		DependencyConfig      *DependencyConfig
		MaxResults            *int32
		NextToken             *string
		MetricSourceTypes     []string
		IncludeLinkedAccounts *bool
		SloOwnerAwsAccountId  *string
		MetricSource          *MetricSource
	}
	// MetricSource is what the metric of an objective belongs to.
	MetricSource struct {
		MetricSourceKeyAttributes, MetricSourceAttributes map[string]string
	}
	// DependencyConfig is a call that an objective is about.
	DependencyConfig struct {
		DependencyKeyAttributes map[string]string
		DependencyOperationName *string
	}
	// ListServiceLevelObjectivesOutput is the output of ListServiceLevelObjectives.
	ListServiceLevelObjectivesOutput struct {
		SloSummaries []ServiceLevelObjectiveSummary
		NextToken    *string
	}
	// ServiceLevelObjectiveSummary is an objective in a list.
	ServiceLevelObjectiveSummary struct{ Arn, Name *string }
)
