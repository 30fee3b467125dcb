package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Image is what the Dockerfile and the chart say of the agent's image.
type Image struct {
	Repository, Version string
	// User is the number of the image's user.
	User string
	// Program is the path of the binary.
	Program string
	// Queue is the directory of the durable queue.
	Queue string
	// Volumes and Ports are what the stage "agent" declares.
	Volumes, Ports []string
}

// Name returns the image's name. A variant is "", "-xray" or "-tool".
func (i Image) Name(variant string) string {
	return i.Repository + ":" + i.Version + variant
}

// ReadImage reads the Dockerfile and the chart's values. root is the repository's.
func ReadImage(root string) (Image, error) {
	i := Image{Queue: "/var/lib/sidelight"}
	var chart struct {
		AppVersion string `yaml:"appVersion"`
	}
	var values struct{ Image struct{ Repository string } }
	for name, into := range map[string]any{"Chart.yaml": &chart, "values.yaml": &values} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", "helm", "sidelight", name))
		if err != nil {
			return i, err
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			return i, fmt.Errorf("%s: %w", name, err)
		}
	}
	i.Repository, i.Version = values.Image.Repository, chart.AppVersion
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return i, err
	}
	i.dockerfile(string(text))
	return i, nil
}

// dockerfile takes what the stages base and agent say; the latter is built on the
// former.
func (i *Image) dockerfile(text string) {
	stage := ""
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "FROM" {
			stage = rest[strings.LastIndexByte(rest, ' ')+1:]
		}
		if stage != "base" && stage != "agent" {
			continue
		}
		list := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(`[]", `, r) })
		switch word {
		case "USER":
			i.User, _, _ = strings.Cut(rest, ":")
		case "ENTRYPOINT":
			i.Program = strings.Join(list, " ")
		case "VOLUME":
			i.Volumes = list
		case "EXPOSE":
			i.Ports = list
		}
	}
}
