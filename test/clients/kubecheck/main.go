// Kubecheck reads manifests on standard input and decodes each strictly into
// Kubernetes' own type: a field that the type lacks, or a value of another type, is
// an error. It prints the kinds that it read.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// object returns a pointer to a value of the type of a kind, nil if it is unknown.
func object(version, kind string) any {
	switch version + " " + kind {
	case "v1 ConfigMap":
		return new(core.ConfigMap)
	case "v1 Pod":
		return new(core.Pod)
	case "v1 Service":
		return new(core.Service)
	case "v1 ServiceAccount":
		return new(core.ServiceAccount)
	case "apps/v1 DaemonSet":
		return new(apps.DaemonSet)
	case "apps/v1 Deployment":
		return new(apps.Deployment)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		return new(autoscaling.HorizontalPodAutoscaler)
	case "networking.k8s.io/v1 NetworkPolicy":
		return new(networking.NetworkPolicy)
	case "policy/v1 PodDisruptionBudget":
		return new(policy.PodDisruptionBudget)
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		return new(rbac.ClusterRole)
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		return new(rbac.ClusterRoleBinding)
	}
	return nil
}

func check(text []byte) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		return err
	}
	if head.Kind == "" {
		return nil
	}
	into := object(head.APIVersion, head.Kind)
	if into == nil {
		return fmt.Errorf("%s %s: not among the kinds that are known here", head.APIVersion, head.Kind)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("%s: %w", head.Kind, err)
	}
	fmt.Println(head.Kind)
	return nil
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	for part := range bytes.SplitSeq(text, []byte("\n---\n")) {
		if err == nil {
			err = check(part)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
