package manifest

import (
	"path"
	"strings"
)

// IsYAML says whether a file is YAML by its name.
func IsYAML(path string) bool {
	return strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")
}

// IsKustomization says whether kustomize takes a file for a kustomization.
// https://github.com/kubernetes-sigs/kustomize/blob/master/api/konfig/general.go
func IsKustomization(name string) bool {
	switch path.Base(name) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}
