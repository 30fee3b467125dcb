package xray

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

// viewCauses are the root causes of a summary as filter expressions see them.
func viewCauses(s *types.TraceSummary) filterexpr.Causes {
	var out filterexpr.Causes
	for _, c := range s.FaultRootCauses {
		var v filterexpr.Cause
		for _, x := range c.Services {
			service := viewService(x.Name, x.Type, x.AccountId, x.Inferred)
			for _, e := range x.EntityPath {
				service.Path = append(service.Path, filterexpr.CauseEntity{Name: aws.ToString(e.Name), Remote: aws.ToBool(e.Remote), Exceptions: viewExceptions(e.Exceptions)})
			}
			v.Services = append(v.Services, service)
		}
		out.Fault = append(out.Fault, v)
	}
	for _, c := range s.ErrorRootCauses {
		var v filterexpr.Cause
		for _, x := range c.Services {
			service := viewService(x.Name, x.Type, x.AccountId, x.Inferred)
			for _, e := range x.EntityPath {
				service.Path = append(service.Path, filterexpr.CauseEntity{Name: aws.ToString(e.Name), Remote: aws.ToBool(e.Remote), Exceptions: viewExceptions(e.Exceptions)})
			}
			v.Services = append(v.Services, service)
		}
		out.Error = append(out.Error, v)
	}
	for _, c := range s.ResponseTimeRootCauses {
		var v filterexpr.Cause
		for _, x := range c.Services {
			service := viewService(x.Name, x.Type, x.AccountId, x.Inferred)
			for _, e := range x.EntityPath {
				service.Path = append(service.Path, filterexpr.CauseEntity{Name: aws.ToString(e.Name), Remote: aws.ToBool(e.Remote), Coverage: aws.ToFloat64(e.Coverage)})
			}
			v.Services = append(v.Services, service)
		}
		out.ResponseTime = append(out.ResponseTime, v)
	}
	return out
}

func viewService(name, typ, account *string, inferred *bool) filterexpr.CauseService {
	return filterexpr.CauseService{
		ID:       filterexpr.ID{Name: aws.ToString(name), Type: aws.ToString(typ), Account: aws.ToString(account)},
		Inferred: aws.ToBool(inferred),
	}
}

func viewExceptions(list []types.RootCauseException) []filterexpr.Exception {
	var out []filterexpr.Exception
	for _, e := range list {
		out = append(out, filterexpr.Exception{Name: aws.ToString(e.Name), Message: aws.ToString(e.Message)})
	}
	return out
}
