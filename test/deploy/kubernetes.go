package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Object is what the checks look at in an object of Kubernetes.
type Object struct {
	Kind     string
	Metadata Meta
	Data     map[string]string
	Spec     Spec
}

// Meta is an object's metadata.
type Meta struct {
	Name   string
	Labels map[string]string
}

// Spec is that of a workload, a pod, a Service, an autoscaler or a policy.
type Spec struct {
	Pod      `yaml:",inline"`
	Template *struct {
		Metadata Meta
		Spec     Pod
	}
	InternalTrafficPolicy string `yaml:"internalTrafficPolicy"`
	// Selector is a Service's map of labels, or has matchLabels.
	Selector    yaml.Node
	PodSelector yaml.Node `yaml:"podSelector"`
	Ports       []struct {
		Name, Protocol string
		Port           int
		TargetPort     string `yaml:"targetPort"`
	}
	ScaleTargetRef struct{ Kind, Name string } `yaml:"scaleTargetRef"`
}

// Pod is the specification of a pod.
type Pod struct {
	InitContainers []PodContainer `yaml:"initContainers"`
	Containers     []PodContainer
	Grace          int `yaml:"terminationGracePeriodSeconds"`
	Volumes        []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
		EmptyDir  *struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
		HostPath *struct{ Path string } `yaml:"hostPath"`
	}
}

// PodContainer is a container of a pod.
type PodContainer struct {
	Name, Image   string
	Command, Args []string
	RestartPolicy string `yaml:"restartPolicy"`
	Env           []struct{ Name, Value string }
	Ports         []struct {
		Name, Protocol string
		ContainerPort  int `yaml:"containerPort"`
	}
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
	StartupProbe    *probe `yaml:"startupProbe"`
	ReadinessProbe  *probe `yaml:"readinessProbe"`
	LivenessProbe   *probe `yaml:"livenessProbe"`
	SecurityContext struct {
		RunAsUser                *int  `yaml:"runAsUser"`
		RunAsNonRoot             bool  `yaml:"runAsNonRoot"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities             struct{ Add, Drop []string }
	} `yaml:"securityContext"`
	Resources struct{ Requests, Limits map[string]string }
}

type probe struct{ Exec struct{ Command []string } }

// ParseObjects reads manifests, one after the other.
func ParseObjects(text []byte) ([]Object, error) {
	var out []Object
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o Object
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("parse manifests: %w", err)
		}
		if o.Kind != "" {
			out = append(out, o)
		}
	}
}

// Find returns the objects of a kind.
func Find(objects []Object, kind string) []Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o Object) bool { return o.Kind != kind })
}

// pod returns the pod of a workload, or of a pod.
func (o Object) pod() (Pod, map[string]string) {
	if o.Spec.Template != nil {
		return o.Spec.Template.Spec, o.Spec.Template.Metadata.Labels
	}
	return o.Spec.Pod, o.Metadata.Labels
}

// Agents returns the agents of all pods, with the configuration that is mounted into
// them.
func Agents(objects []Object) []Agent {
	var out []Agent
	for _, o := range objects {
		pod, _ := o.pod()
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if c.Name != "sidelight" {
				continue
			}
			a := c.agent(o.Kind+" "+o.Metadata.Name, pod)
			var ok bool
			if a.Config, ok = configOf(c, pod, objects); !ok {
				a.Lacks = "a ConfigMap with its configuration"
			}
			out = append(out, a)
		}
	}
	return out
}

// configOf returns the text of the file that --config names, "" if nothing does.
func configOf(c PodContainer, pod Pod, objects []Object) (string, bool) {
	i := slices.Index(c.Args, "--config")
	if i < 0 || i+1 >= len(c.Args) {
		return "", true
	}
	path := c.Args[i+1]
	for _, m := range c.VolumeMounts {
		file, ok := strings.CutPrefix(path, m.MountPath+"/")
		if !ok {
			continue
		}
		for _, v := range pod.Volumes {
			for _, o := range Find(objects, "ConfigMap") {
				if v.Name == m.Name && v.ConfigMap.Name == o.Metadata.Name {
					return o.Data[file], true
				}
			}
		}
	}
	return "", false
}

func (c PodContainer) agent(where string, pod Pod) Agent {
	// Kubernetes waits for half a minute unless told otherwise.
	grace := pod.Grace
	if grace == 0 {
		grace = 30
	}
	s := c.SecurityContext
	a := Agent{
		Where: where, Image: c.Image, Command: c.Args, ReadOnly: s.ReadOnlyRootFilesystem, Stop: time.Duration(grace) * time.Second,
		// Log files on a node belong to root.
		Privileged: slices.Equal(s.Capabilities.Add, []string{"DAC_READ_SEARCH"}), Environ: map[string]string{},
	}
	if s.RunAsUser != nil {
		a.User = fmt.Sprint(*s.RunAsUser)
	}
	for _, v := range c.Env {
		a.Environ[v.Name] = v.Value
	}
	for _, p := range c.Ports {
		a.Ports = append(a.Ports, fmt.Sprintf("%d/%s", p.ContainerPort, strings.ToLower(orElse(p.Protocol, "TCP"))))
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly {
			a.Mounts = append(a.Mounts, m.MountPath)
		}
	}
	for _, p := range []*probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if p != nil {
			a.Probes = append(a.Probes, p.Exec.Command)
		}
	}
	return a
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// CheckObjects returns what is not as it should be in manifests: the agents, how
// they are confined, and what points at them.
func CheckObjects(objects []Object, i Image) []string {
	var out []string
	for _, a := range Agents(objects) {
		out = append(out, a.Check(i)...)
	}
	for _, o := range objects {
		pod, _ := o.pod()
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if c.Name == "sidelight" {
				out = append(out, c.confined(o.Kind+" "+o.Metadata.Name)...)
			}
		}
		out = append(out, o.pointsAt(objects)...)
	}
	return out
}

func (c PodContainer) confined(where string) []string {
	var out []string
	s := c.SecurityContext
	if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
		out = append(out, where+" may gain privileges, or keeps capabilities")
	}
	if !s.RunAsNonRoot && (s.RunAsUser == nil || *s.RunAsUser != 0 || !slices.Equal(s.Capabilities.Add, []string{"DAC_READ_SEARCH"})) {
		out = append(out, where+" may be root, and not to read files alone")
	}
	if c.Resources.Limits["memory"] == "" || c.Resources.Requests["cpu"] == "" {
		out = append(out, where+" has no limit of memory, or requests no CPU")
	}
	return out
}

// pointsAt checks that what selects pods finds some, and that named ports are theirs.
func (o Object) pointsAt(objects []Object) []string {
	var selector map[string]string
	node := o.Spec.Selector
	if o.Kind == "NetworkPolicy" {
		node = o.Spec.PodSelector
	}
	var nested struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	if node.Decode(&nested) == nil && nested.MatchLabels != nil {
		selector = nested.MatchLabels
	} else if node.Kind == yaml.MappingNode && node.Decode(&selector) != nil {
		return []string{o.Kind + " " + o.Metadata.Name + ": its selector is none"}
	}
	if len(selector) == 0 {
		return o.scales(objects)
	}
	for _, other := range objects {
		pod, labels := other.pod()
		if len(pod.Containers) == 0 || !subset(selector, labels) || (o.Spec.Template != nil && o.Metadata.Name != other.Metadata.Name) {
			continue
		}
		for _, p := range o.Spec.Ports {
			if !slices.ContainsFunc(pod.Containers, func(c PodContainer) bool { return c.serves(p.Port, p.TargetPort, p.Protocol) }) {
				return []string{fmt.Sprintf("%s %s: no container has its port %d", o.Kind, o.Metadata.Name, p.Port)}
			}
		}
		return nil
	}
	return []string{fmt.Sprintf("%s %s selects no pods: %v", o.Kind, o.Metadata.Name, selector)}
}

func (o Object) scales(objects []Object) []string {
	to := o.Spec.ScaleTargetRef
	if to.Name == "" || slices.ContainsFunc(objects, func(x Object) bool { return x.Kind == to.Kind && x.Metadata.Name == to.Name }) {
		return nil
	}
	return []string{fmt.Sprintf("%s scales %s %s, which is not there", o.Kind, to.Kind, to.Name)}
}

func (c PodContainer) serves(port int, name, protocol string) bool {
	for _, p := range c.Ports {
		if orElse(p.Protocol, "TCP") == orElse(protocol, "TCP") && p.ContainerPort == port && (name == "" || name == p.Name) {
			return true
		}
	}
	return false
}

func subset(of, labels map[string]string) bool {
	for name, value := range of {
		if labels[name] != value {
			return false
		}
	}
	return true
}
