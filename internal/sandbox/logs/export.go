package logs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// createExportTask stores a task, which has failed: there is no S3 here.
func (s *Service) createExportTask(ctx context.Context, in *cwl.CreateExportTaskInput) (*cwl.CreateExportTaskOutput, error) {
	if _, err := s.named(ctx, in.LogGroupName); err != nil {
		return nil, err
	}
	switch {
	case in.From == nil:
		return nil, missing("from")
	case in.To == nil:
		return nil, missing("to")
	case *in.From >= *in.To:
		return nil, invalid("from must be before to.")
	}
	prefix := in.DestinationPrefix
	if prefix == nil {
		prefix = aws.String("exportedlogs")
	}
	task := &exportTask{LogStreamNamePrefix: in.LogStreamNamePrefix, Task: types.ExportTask{
		Destination: in.Destination, DestinationPrefix: prefix, From: in.From, To: in.To, LogGroupName: in.LogGroupName, TaskName: in.TaskName,
		TaskId: aws.String(newUUID()), ExecutionInfo: &types.ExportTaskExecutionInfo{CreationTime: aws.Int64(s.now()), CompletionTime: aws.Int64(s.now())},
		Status: &types.ExportTaskStatus{Code: types.ExportTaskStatusCodeFailed, Message: aws.String("The sandbox has no S3.")},
	}}
	return &cwl.CreateExportTaskOutput{TaskId: task.Task.TaskId}, s.shelve(ctx, kindExport, *task.Task.TaskId, task, nil)
}

// exportTask is a task with the member that DescribeExportTasks does not return.
type exportTask struct {
	Task                types.ExportTask
	LogStreamNamePrefix *string `json:",omitempty"`
}

func (s *Service) describeExportTasks(ctx context.Context, in *cwl.DescribeExportTasksInput) (*cwl.DescribeExportTasksOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	found, next, err := s.shelfNames(ctx, kindExport, in.NextToken, limit, func(r *resource) bool {
		t := &r.value.(*exportTask).Task
		return (in.TaskId == nil || *in.TaskId == *t.TaskId) && (in.StatusCode == "" || in.StatusCode == t.Status.Code)
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeExportTasksOutput{NextToken: next, ExportTasks: []types.ExportTask{}}
	for _, r := range found {
		out.ExportTasks = append(out.ExportTasks, r.value.(*exportTask).Task)
	}
	return out, nil
}

// cancelExportTask comes too late for every task.
func (s *Service) cancelExportTask(ctx context.Context, in *cwl.CancelExportTaskInput) (*cwl.CancelExportTaskOutput, error) {
	if _, _, err := s.shelved(ctx, kindExport, "taskId", in.TaskId); err != nil {
		return nil, err
	}
	return nil, api.Errorf("InvalidOperationException", "The specified export task has already finished.")
}
