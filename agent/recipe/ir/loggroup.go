package ir

// LogGroup holds the fields of a log group of CloudWatch Logs.
//
// Source: the CloudWatch Logs API reference, CreateLogGroup, PutRetentionPolicy,
// AssociateKmsKey and PutLogGroupDeletionProtection.
type LogGroup struct {
	// RetentionInDays is 0 for a group that keeps its events for ever.
	RetentionInDays int32 `json:",omitempty"`
	// LogGroupClass is STANDARD if it is "". It cannot be changed.
	LogGroupClass string `json:",omitempty"`
	// KmsKeyId is the ARN of a key; the API's own spelling.
	KmsKeyId string `json:",omitempty"`
	// DeletionProtectionEnabled makes Logs refuse to delete the group.
	DeletionProtectionEnabled bool `json:",omitempty"`
}

// Kind implements Body.
func (*LogGroup) Kind() Kind { return LogGroupKind }
